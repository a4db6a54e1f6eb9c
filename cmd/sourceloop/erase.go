package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"sourceloop/control"
	"sourceloop/pipeline/identity"
	"sourceloop/schema"
)

type eraseCommand struct {
	Workspace uint32 `help:"Number of the workspace." required:"" placeholder:"N"`
	Email     string `help:"Whose: an email address, with all that is known to be the same person's." xor:"who" required:"" placeholder:"ADDRESS"`
	Phone     string `help:"Or a phone number with its country, as +49 30 1234." xor:"who" required:"" placeholder:"NUMBER"`
	User      string `help:"Or the site's own id of a user." xor:"who" required:"" placeholder:"ID"`
	Contact   string `help:"Or a contact, by its id." xor:"who" required:"" placeholder:"ID"`
	Visitor   string `help:"Or one browser alone, by its sourceloop_id." xor:"who" required:"" placeholder:"ID"`
	Wait      bool   `help:"Wait until nobody sees the person any more, and print the receipt." default:"true" negatable:""`

	storeFlags
}

// Run asks for the erasure and follows it until all is hidden; the disk
// follows at night.
func (c *eraseCommand) Run(ctx context.Context, log *slog.Logger) (err error) {
	target, err := c.target()
	if err != nil {
		return err
	}
	store, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if _, known := store.Directory().Workspace(c.Workspace); !known {
		return schema.E("erase", schema.KindUnknown, "There is no workspace %d. %s", c.Workspace, listWorkspaces(store))
	}
	task, err := store.RequestErasure(ctx, control.Operator(c.Workspace), target)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Task %d: asked for.\n", task.ID)
	if !c.Wait {
		return nil
	}
	if err := followTask(ctx, store, task.ID, func(t *control.Task) bool { return t.Progress.Hidden }); err != nil {
		return err
	}
	return printReceipt(ctx, store, task.ID)
}

func printReceipt(ctx context.Context, store *control.Store, id int64) error {
	task, err := store.Task(ctx, id)
	if err != nil {
		return err
	}
	for _, line := range task.Progress.Receipt {
		fmt.Println(line)
	}
	return nil
}

// target is who is named, in the form in which they are known.
func (c *eraseCommand) target() (string, error) {
	var rules identity.Rules
	var value string
	var err error
	kind := schema.NodeVisitor
	switch {
	case c.Email != "":
		kind = schema.NodeEmail
		value, err = rules.Email(c.Email)
	case c.Phone != "":
		kind = schema.NodePhone
		value, err = rules.Phone(c.Phone, "")
	case c.User != "":
		kind = schema.NodeUser
		value, err = rules.UserID(c.User)
	case c.Contact != "":
		id, err := schema.ParseID(c.Contact)
		if err != nil {
			return "", schema.E("erase", schema.KindInvalid, "%q is no id of a contact. The last part of a contact's address is one.", c.Contact)
		}
		return control.ContactTarget + id.String(), nil
	default:
		value = c.Visitor
	}
	if err != nil {
		return "", schema.E("erase", schema.KindInvalid, "The %s cannot be anybody's: %v.", kind, err)
	}
	return string(schema.NewNode(kind, value)), nil
}

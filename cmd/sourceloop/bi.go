package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/deploy/embedded"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
)

type biCommand struct {
	Add    biAddCommand    `cmd:"" help:"Let somebody read a workspace's data with a BI tool; prints the password, once."`
	Remove biRemoveCommand `cmd:"" help:"Take that away again."`
	List   biListCommand   `cmd:"" help:"List who reads the embedded ClickHouse."`
}

// biFlags say which ClickHouse is meant.
type biFlags struct {
	Data       string `help:"Data folder of serve, whose embedded ClickHouse is meant; it knows whom it is told of at its start." default:"data" env:"SOURCELOOP_DATA" type:"path"`
	ClickHouse string `name:"clickhouse" help:"A server instead, as clickhouse://admin:password@host:9000/database, by a user with access management." env:"SOURCELOOP_CLICKHOUSE" placeholder:"DSN"`
	Print      bool   `help:"Only print the statements for a server, for whoever administers it."`
	Database   string `help:"The product's database, with --print." default:"sourceloop" placeholder:"NAME"`
}

type biAddCommand struct {
	Name      string `arg:"" help:"Name to sign in with: letters, digits, underscores."`
	Workspace uint32 `help:"Number of the workspace." required:"" placeholder:"N"`
	Details   bool   `help:"Also let them read who contacts are: emails, phones, names."`

	biFlags
}

// Run makes a user with a new password.
func (c *biAddCommand) Run(ctx context.Context) error {
	password := rand.Text()
	sum := sha256.Sum256([]byte(password))
	user := migrations.BIUser{Name: c.Name, PasswordHash: hex.EncodeToString(sum[:]), Workspace: c.Workspace, Details: c.Details}
	if err := user.Check(); err != nil {
		return schema.E("add a BI user", schema.KindInvalid, "%s.", upperFirst(err.Error()))
	}
	if !c.server() {
		err := changeBIUsers(c.Data, func(all []migrations.BIUser) []migrations.BIUser {
			return append(slices.DeleteFunc(all, func(u migrations.BIUser) bool { return u.Name == user.Name }), user)
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%s may read workspace %d from the next start of serve on %s. Give serve --bi-port, so that tools find it on the same port each time.\n", user.Name, user.Workspace, c.Data)
		fmt.Println(password)
		return nil
	}
	if err := c.run(ctx, user.Statements); err != nil {
		return err
	}
	if c.Print {
		fmt.Fprintf(os.Stderr, "The password of %s, which nobody can read again: %s\n", user.Name, password)
	} else {
		fmt.Println(password)
	}
	return nil
}

type biRemoveCommand struct {
	Name string `arg:"" help:"Name of the user."`

	biFlags
}

// Run takes a user away.
func (c *biRemoveCommand) Run(ctx context.Context) error {
	if c.server() {
		return c.run(ctx, migrations.BIUser{Name: c.Name}.Removal)
	}
	found := false
	err := changeBIUsers(c.Data, func(all []migrations.BIUser) []migrations.BIUser {
		return slices.DeleteFunc(all, func(u migrations.BIUser) bool {
			found = found || u.Name == c.Name
			return u.Name == c.Name
		})
	})
	if err == nil && !found {
		err = schema.E("remove a BI user", schema.KindUnknown, "There is no BI user %q of the folder %s. See sourceloop bi list.", c.Name, c.Data)
	}
	return err
}

type biListCommand struct {
	Data string `help:"Data folder of serve." default:"data" env:"SOURCELOOP_DATA" type:"path"`
}

// Run lists users, one a line.
func (c *biListCommand) Run() error {
	all, err := biUsers(c.Data)
	for _, u := range all {
		fmt.Printf("%s\tworkspace %d\t%s\n", u.Name, u.Workspace, strings.Join(u.Views(), " "))
	}
	return err
}

func (f *biFlags) server() bool { return f.Print || f.ClickHouse != "" }

// run runs statements on the server, or prints them.
func (f *biFlags) run(ctx context.Context, statements func(database string) ([]string, error)) (err error) {
	database := f.Database
	var address clickhouseAddress
	if !f.Print {
		if address, err = parseClickHouse(f.ClickHouse); err != nil {
			return err
		}
		database = address.database
	}
	all, err := statements(database)
	if err != nil {
		return schema.E("change BI users", schema.KindInvalid, "%s.", upperFirst(err.Error()))
	}
	if f.Print {
		fmt.Println(strings.Join(all, ";\n") + ";")
		return nil
	}
	conn, err := driver.Open(&driver.Options{Addr: address.addrs, Auth: driver.Auth{Database: database, Username: address.user, Password: address.password}})
	if err != nil {
		return fmt.Errorf("cannot connect to ClickHouse: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, statement := range all {
		if err := conn.Exec(ctx, statement); err != nil {
			return schema.E("change BI users", schema.KindInvalid,
				"ClickHouse refused a statement about its users: %s. It needs a user with access management; have its administrator run what --print prints.", err)
		}
	}
	return nil
}

func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// biFile is where a data folder keeps who reads its embedded ClickHouse. It holds
// no password, only hashes of random ones.
func biFile(dir string) string { return filepath.Join(dir, "bi.json") }

func biUsers(dir string) ([]migrations.BIUser, error) {
	text, err := os.ReadFile(biFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []migrations.BIUser
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	for _, u := range all {
		err = errors.Join(err, u.Check())
	}
	if err != nil {
		return nil, schema.E("read the BI users", schema.KindInvalid, "The file %s cannot be used (%v). Mend it, or remove it and add its users again.", biFile(dir), err)
	}
	return all, nil
}

func changeBIUsers(dir string, change func([]migrations.BIUser) []migrations.BIUser) error {
	all, err := biUsers(dir)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(change(all), "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the BI users: %w", err)
	}
	fresh := biFile(dir) + ".new"
	err = os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.WriteFile(fresh, text, 0o600)
	}
	if err == nil {
		err = os.Rename(fresh, biFile(dir))
	}
	if err != nil {
		return schema.E("write the BI users", schema.KindInvalid, "The BI users cannot be kept in %s (%v). Name the data folder of serve with --data.", dir, err)
	}
	return nil
}

// inviteBI has the embedded ClickHouse know the folder's BI users.
func inviteBI(config *embedded.ClickHouseConfig, dir string) error {
	all, err := biUsers(dir)
	if err != nil {
		return err
	}
	profile := embedded.Profile{Name: migrations.BIProfile}
	for _, s := range migrations.BISettings() {
		profile.Settings = append(profile.Settings, embedded.Setting(s))
	}
	config.Profiles = []embedded.Profile{profile}
	for _, u := range all {
		config.Guests = append(config.Guests, guestOf(u, databaseName))
	}
	return nil
}

func guestOf(u migrations.BIUser, database string) embedded.Guest {
	return embedded.Guest{
		Name: u.Name, PasswordHash: u.PasswordHash, Profile: migrations.BIProfile, Database: migrations.BIDatabase(database),
		Tables: u.Views(), Filter: u.Filter(), Grants: u.Grants(database),
	}
}

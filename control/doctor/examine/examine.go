package examine

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"sourceloop/control"
	"sourceloop/control/doctor"
	"sourceloop/schema"
)

const (
	// heardWithin is how far back the tracker is looked for.
	heardWithin = 24 * time.Hour
	// limit bounds an examination: a person waits for it.
	limit = 25 * time.Second
)

// Settings is the settings database.
type Settings interface {
	WorkspaceConnection(ctx context.Context, who control.Principal, provider string) (control.Connection, error)
	SignalsOf(ctx context.Context, provider, app string) ([]control.Signal, error)
	InboxOf(ctx context.Context, connection int64) (int, error)
}

// Tokens gives a connection's token, renewed where it ends. The kind of its error
// is Denied when the provider does not renew it, and Unknown when there is none.
type Tokens interface {
	Token(ctx context.Context, connection int64) (string, error)
}

// Vendor asks one provider about the account that a token opens. It never
// fails: what it could not learn it says.
type Vendor interface {
	Ask(ctx context.Context, connection control.Connection, token string) doctor.Vendor
}

// Log is what has arrived, of one workspace.
type Log interface {
	// Hosts are those on which the tracker was heard since a moment.
	Hosts(ctx context.Context, workspace *schema.Workspace, since schema.Millis) ([]doctor.Host, error)
	// Chats tells which conversations are here, and true of those that count.
	Chats(ctx context.Context, workspace *schema.Workspace, provider string, ids []string) (map[string]bool, error)
}

// Pages reads a page. It never fails either.
type Pages interface {
	Look(ctx context.Context, address string) doctor.Page
}

// Examiner gathers facts. It is safe for concurrent use.
type Examiner struct {
	Settings  Settings
	Tokens    Tokens
	Vendors   map[string]Vendor // by provider; one that is missing cannot be asked
	Log       Log
	Pages     Pages
	PublicURL string // where providers reach us, without a slash at the end
	Now       func() time.Time
}

// Result is the doctor's answer with what the next question needs.
type Result struct {
	doctor.Report
	Page      string // that was looked at; "" for none
	Suggested string // the newest page that the tracker was heard on; "" when unknown
}

// Examine looks at a workspace's connection. page is the address of a page with
// the chat, or "".
func (e *Examiner) Examine(ctx context.Context, who control.Principal, workspace *schema.Workspace, provider, page string) (Result, error) {
	connection, err := e.Settings.WorkspaceConnection(ctx, who, provider)
	if err != nil {
		return Result{}, err
	}
	if connection.Sends() {
		return Result{}, schema.E("examine the connection", schema.KindInvalid, "No chats come from an advertising platform. How its conversions fare is in the push log under Setup, Ad platforms.")
	}
	if page, err = address(page); err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, known := e.Vendors[provider]
	f := &doctor.Facts{Provider: name(provider), Word: provider, Stranger: !known, Secret: "SOURCELOOP_" + strings.ToUpper(provider) + "_CLIENT_SECRET",
		SiteKey: workspace.SiteKey, HookURL: e.PublicURL + "/hooks/" + provider, Connection: settings(connection)}
	if err := e.ask(ctx, f, connection, workspace, page); err != nil {
		return Result{}, err
	}
	f.Now = schema.MillisOf(e.Now())
	result := Result{Report: doctor.Decide(f), Page: page}
	if len(f.Hosts) > 0 {
		if suggested, err := address(f.Hosts[0].Page); err == nil {
			result.Suggested = suggested
		}
	}
	return result, nil
}

// ask asks everybody side by side.
func (e *Examiner) ask(ctx context.Context, f *doctor.Facts, c control.Connection, workspace *schema.Workspace, page string) error {
	var group sync.WaitGroup
	var failure error
	group.Go(func() { failure = e.stored(ctx, f, c) })
	group.Go(func() {
		hosts, err := e.Log.Hosts(ctx, workspace, schema.MillisOf(e.Now().Add(-heardWithin)))
		f.Hosts, f.HostsErr = hosts, words(err)
	})
	group.Go(func() { f.Vendor = e.vendor(ctx, c) })
	if page != "" {
		group.Go(func() { p := e.Pages.Look(ctx, page); f.Page = &p })
	}
	group.Wait()
	if failure != nil || f.Vendor == nil || len(f.Vendor.Chats) == 0 {
		return failure
	}
	ids := make([]string, len(f.Vendor.Chats))
	for i, chat := range f.Vendor.Chats {
		ids[i] = chat.ID
	}
	known, err := e.Log.Chats(ctx, workspace, c.Provider, ids)
	if err != nil {
		f.HostsErr = words(err)
	}
	for i := range f.Vendor.Chats {
		chat := &f.Vendor.Chats[i]
		chat.Count, chat.Here = known[chat.ID]
	}
	return nil
}

// stored reads what the settings database knows besides the connection.
func (e *Examiner) stored(ctx context.Context, f *doctor.Facts, c control.Connection) error {
	signals, err := e.Settings.SignalsOf(ctx, c.Provider, c.App)
	if err != nil {
		return err
	}
	for _, s := range signals {
		f.Signals = append(f.Signals, doctor.Signal{What: s.What, Last: s.Last})
	}
	f.Waiting, err = e.Settings.InboxOf(ctx, c.ID)
	return err
}

// vendor is nil without a token.
func (e *Examiner) vendor(ctx context.Context, c control.Connection) *doctor.Vendor {
	vendor := e.Vendors[c.Provider]
	at := schema.MillisOf(e.Now())
	if vendor == nil {
		return &doctor.Vendor{At: at, Identity: doctor.Unreachable}
	}
	token, err := e.Tokens.Token(ctx, c.ID)
	switch {
	case err == nil:
	case schema.KindOf(err) == schema.KindUnknown || schema.KindOf(err) == schema.KindInternal:
		return nil // There is none, or none that can be opened.
	case schema.KindOf(err) == schema.KindDenied:
		return &doctor.Vendor{At: at, Identity: doctor.Denied}
	default:
		return &doctor.Vendor{At: at, Identity: doctor.Unreachable}
	}
	told := vendor.Ask(ctx, c, token)
	return &told
}

func settings(c control.Connection) doctor.Connection {
	return doctor.Connection{
		State: string(c.State), Name: c.Name, App: c.App, Since: c.Since, LastWebhook: c.LastEventAt, LastError: c.LastError,
	}
}

// name is how a provider writes itself.
func name(provider string) string {
	switch provider {
	case "intercom":
		return "Intercom"
	case "hubspot":
		return "HubSpot"
	}
	return provider
}

// address accepts what a browser would open, and drops what pages do not need.
func address(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return "", schema.E("look at a page", schema.KindInvalid, "The page is no address that a browser opens. Write it as https://www.example.com/contact.")
	}
	u.Fragment, u.RawQuery = "", ""
	return u.String(), nil
}

// words are what an error says to a person; "" without one.
func words(err error) string {
	var known *schema.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &known):
		return known.Text
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long"
	}
	return "something went wrong"
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/control/biaccess"
	"sourceloop/deploy/embedded"
	"sourceloop/query/api"
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
	password, hash := biaccess.Password()
	user := migrations.BIUser{Name: c.Name, PasswordHash: hash, Workspace: c.Workspace, Details: c.Details, AddedAt: time.Now().UnixMilli()}
	if err := user.Check(); err != nil {
		return schema.E("add a BI user", schema.KindInvalid, "%s.", upperFirst(err.Error()))
	}
	if !c.server() {
		err := biaccess.File{Dir: c.Data}.Change(func(all []migrations.BIUser) ([]migrations.BIUser, error) {
			return append(slices.DeleteFunc(all, func(u migrations.BIUser) bool { return u.Name == user.Name }), user), nil
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
	return biaccess.File{Dir: c.Data}.Change(func(all []migrations.BIUser) ([]migrations.BIUser, error) {
		rest := slices.DeleteFunc(slices.Clone(all), func(u migrations.BIUser) bool { return u.Name == c.Name })
		if len(rest) == len(all) {
			return nil, schema.E("remove a BI user", schema.KindUnknown, "There is no BI user %q of the folder %s. See sourceloop bi list.", c.Name, c.Data)
		}
		return rest, nil
	})
}

type biListCommand struct {
	Data string `help:"Data folder of serve." default:"data" env:"SOURCELOOP_DATA" type:"path"`
}

// Run lists users, one a line.
func (c *biListCommand) Run() error {
	all, err := biaccess.File{Dir: c.Data}.Users()
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
	if err := runStatements(ctx, address, all); err != nil {
		return schema.E("change BI users", schema.KindInvalid,
			"ClickHouse refused a statement about its users: %s. It needs a user with access management; have its administrator run what --print prints.", err)
	}
	return nil
}

// dialing is how long a server of which only users are changed may take to answer
// a connection: somebody waits for it.
const dialing = 5 * time.Second

// runStatements runs statements one by one, until one is refused.
func runStatements(ctx context.Context, address clickhouseAddress, all []string) (err error) {
	conn, err := driver.Open(&driver.Options{Addr: address.addrs, DialTimeout: dialing, Auth: driver.Auth{Database: address.database, Username: address.user, Password: address.password}})
	if err != nil {
		return fmt.Errorf("cannot connect to ClickHouse: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, statement := range all {
		if err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// inviteBI has the embedded ClickHouse know the folder's BI users, and tells
// who they are.
func inviteBI(config *embedded.ClickHouseConfig, dir string) ([]migrations.BIUser, error) {
	all, err := biaccess.File{Dir: dir}.Users()
	if err != nil {
		return nil, err
	}
	profile := embedded.Profile{Name: migrations.BIProfile}
	for _, s := range migrations.BISettings() {
		profile.Settings = append(profile.Settings, embedded.Setting(s))
	}
	config.Profiles = []embedded.Profile{profile}
	for _, u := range all {
		config.Guests = append(config.Guests, guestOf(u, databaseName))
	}
	return all, nil
}

// biPlace is where tools reach a ClickHouse. Only they need its port as a number.
func biPlace(at clickhouseAddress) (biaccess.Place, error) {
	place := biaccess.Place{Database: migrations.BIDatabase(at.database), Stays: true}
	host, native, err := net.SplitHostPort(at.addrs[0])
	if err == nil {
		place.Host = host
		place.NativePort, err = strconv.Atoi(native)
	}
	if err != nil {
		return place, schema.E("find ClickHouse for BI tools", schema.KindConflict,
			"SOURCELOOP_CLICKHOUSE names no port as a number, so that BI tools cannot be told one. Have it written as clickhouse://user:password@host:9000/database, and SourceLoop started again.")
	}
	return place, nil
}

// biAccess is how the dashboard adds BI users to the ClickHouse that there is.
func (n *node) biAccess() (api.BITools, error) {
	at := n.engines.clickhouse
	place, err := biPlace(at)
	if err != nil {
		return biaccess.Unplaced{Why: err}, nil
	}
	if n.engines.embedded.BI == "" {
		return &biaccess.Server{At: place, Database: at.database, Store: n.control, Log: n.log, Run: func(ctx context.Context, statements []string) error {
			return runStatements(ctx, at, statements)
		}}, nil
	}
	u, err := url.Parse(n.engines.embedded.BI)
	if err != nil {
		return nil, fmt.Errorf("cannot read the address of the embedded ClickHouse: %w", err)
	}
	place.Embedded, place.Stays = true, n.config.engines.BIPort != 0
	if place.HTTPPort, err = strconv.Atoi(u.Port()); err != nil {
		return nil, fmt.Errorf("cannot read the port of the embedded ClickHouse: %w", err)
	}
	return &biaccess.Folder{File: biaccess.File{Dir: n.config.data}, At: place, Began: n.engines.guests, Store: n.control, Now: time.Now}, nil
}

func guestOf(u migrations.BIUser, database string) embedded.Guest {
	return embedded.Guest{
		Name: u.Name, PasswordHash: u.PasswordHash, Profile: migrations.BIProfile, Database: migrations.BIDatabase(database),
		Tables: u.Views(), Filter: u.Filter(), Grants: u.Grants(database),
	}
}

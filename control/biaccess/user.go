package biaccess

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"sourceloop/control"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
)

// Place is where BI tools connect to.
type Place struct {
	Embedded   bool   // the engine runs in this process
	Host       string // as this process sees it
	HTTPPort   int    // of the HTTP interface; 0 when it is not known
	NativePort int    // of the native protocol
	Database   string // of the views
	Stays      bool   // the ports are the same after the next start
}

// State says whether somebody can sign in.
type State string

// The states of a user.
const (
	Reads          State = "reads"            // now
	FromNextStart  State = "from_next_start"  // of the embedded engine
	UntilNextStart State = "until_next_start" // of it, having been removed
	// Renewed is somebody removed and added again: the former password signs in
	// until the next start of the embedded engine, the new one from then on.
	Renewed      State = "renewed_from_next_start"
	ByStatements State = "by_statements" // once an administrator has run them
	// Leaving is somebody removed whom the server did not drop: still there until
	// an administrator has run the statements, or ClickHouse takes them.
	Leaving State = "leaving"
	Gone    State = "gone" // not any more
)

// User is somebody who reads a workspace, or is going to.
type User struct {
	Name       string // as it was asked for
	Login      string // what they sign in with
	Details    bool   // may also read who contacts are
	State      State
	AddedAt    schema.Millis // 0 when that is not known
	Statements []string      // to be run by an administrator, for ByStatements and Leaving
}

var askedName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,39}$`)

// prefix keeps the names of workspaces apart, and from those of anybody else.
func prefix(workspace uint32) string { return fmt.Sprintf("w%d_", workspace) }

func shortName(workspace uint32, login string) string {
	return strings.TrimPrefix(login, prefix(workspace))
}

// Password makes a password and what is kept of it.
func Password() (password, hash string) {
	password = rand.Text()
	sum := sha256.Sum256([]byte(password))
	return password, hex.EncodeToString(sum[:])
}

// newUser is the one that a principal asks for, with a password.
func newUser(who control.Principal, name string, details bool) (u migrations.BIUser, password string, err error) {
	if name = strings.TrimSpace(name); !askedName.MatchString(name) {
		return u, "", schema.E("add the BI user", schema.KindInvalid, "A BI user's name is letters, digits and underscores, at most 40, and begins with a letter. Choose another one than %q.", name)
	}
	password, hash := Password()
	return migrations.BIUser{Name: prefix(who.Workspace) + name, PasswordHash: hash, Workspace: who.Workspace, Details: details}, password, nil
}

func unknownUser(login string) error {
	return schema.E("remove the BI user", schema.KindUnknown, "There is no BI user %q in this workspace. It may have been removed.", login)
}

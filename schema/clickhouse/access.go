package clickhouse

import (
	"fmt"
	"regexp"
	"slices"
)

// BIUser is somebody who reads the views of one workspace with a BI tool.
type BIUser struct {
	Name         string // letters, digits and underscores
	PasswordHash string // SHA-256 of the password, hexadecimal
	Workspace    uint32
	Details      bool  // may also read who contacts are
	AddedAt      int64 `json:",omitempty"` // milliseconds since 1970; 0 when that is not known
}

// Limits of one question of a BI user. A tool may choose less, or another time.
const (
	biMemory     = 4 << 30 // bytes
	biSeconds    = 120
	biConcurrent = 8
)

// BIProfile is the profile of settings that BI users have.
const BIProfile = "sourceloop_bi"

var biName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Check refuses a name that would have to be quoted, and a hash that is none.
func (u BIUser) Check() error {
	if !biName.MatchString(u.Name) {
		return fmt.Errorf("the name of a BI user is letters, digits and underscores and does not begin with a digit, and this is %q", u.Name)
	}
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(u.PasswordHash) {
		return fmt.Errorf("the password of %s is not there as a SHA-256", u.Name)
	}
	return nil
}

// Views are those that the user may read.
func (u BIUser) Views() []string {
	return slices.DeleteFunc(Views(), func(view string) bool { return view == DetailsView && !u.Details })
}

// Filter is what keeps the rows of other workspaces from the user.
func (u BIUser) Filter() string { return fmt.Sprintf("workspace = %d", u.Workspace) }

// Grants are what a user of the views on a database may do, without "TO": to
// read them, and what tools ask when they connect.
func (u BIUser) Grants(database string) []string {
	grants := []string{
		"GRANT SELECT ON information_schema.*", "GRANT SELECT ON INFORMATION_SCHEMA.*", "GRANT SELECT ON system.parts", "GRANT SELECT(is_local) ON system.clusters",
	}
	for _, view := range u.Views() {
		grants = append(grants, "GRANT SELECT ON "+BIDatabase(database)+"."+view)
	}
	return grants
}

// BISettings are the settings of the profile, with the bounds of those that
// have some: what a user may not raise.
func BISettings() []BISetting {
	return []BISetting{
		{Name: "readonly", Value: 2},
		{Name: "max_execution_time", Value: biSeconds},
		{Name: "max_memory_usage", Value: biMemory, Bound: true},
		{Name: "max_concurrent_queries_for_user", Value: biConcurrent, Bound: true},
	}
}

// BISetting is a setting of the profile.
type BISetting struct {
	Name  string
	Value int64
	Bound bool // it is also the most that a user may choose
}

// Statements make the user on a server that keeps users in SQL, in this order,
// or make them as they are to be. Whoever runs them needs access management.
func (u BIUser) Statements(database string) ([]string, error) {
	if err := u.Check(); err != nil {
		return nil, err
	}
	profile := "CREATE SETTINGS PROFILE OR REPLACE " + BIProfile + " SETTINGS"
	for i, s := range BISettings() {
		if i > 0 {
			profile += ","
		}
		profile += fmt.Sprintf(" %s = %d", s.Name, s.Value)
		if s.Bound {
			profile += fmt.Sprintf(" MAX %d", s.Value)
		}
	}
	all := []string{
		profile,
		fmt.Sprintf("CREATE USER OR REPLACE %s IDENTIFIED WITH sha256_hash BY '%s' DEFAULT DATABASE %s SETTINGS PROFILE '%s'",
			u.Name, u.PasswordHash, BIDatabase(database), BIProfile),
	}
	// Policies come before grants: nobody ever sees a row too many.
	for _, view := range u.Views() {
		all = append(all, fmt.Sprintf("CREATE ROW POLICY OR REPLACE %s ON %s.%s FOR SELECT USING %s TO %s", u.Name, BIDatabase(database), view, u.Filter(), u.Name))
	}
	for _, grant := range u.Grants(database) {
		all = append(all, grant+" TO "+u.Name)
	}
	return all, nil
}

// Removal takes the user away again.
func (u BIUser) Removal(database string) ([]string, error) {
	if !biName.MatchString(u.Name) {
		return nil, u.Check()
	}
	all := []string{"DROP USER IF EXISTS " + u.Name}
	for _, view := range Views() {
		all = append(all, fmt.Sprintf("DROP ROW POLICY IF EXISTS %s ON %s.%s", u.Name, BIDatabase(database), view))
	}
	return all, nil
}

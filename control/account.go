package control

import (
	"context"
	"net/mail"
	"strings"
	"time"

	"sourceloop/schema"
)

const (
	signUpLinkLife = 24 * time.Hour
	signInLife     = 14 * 24 * time.Hour
)

// NewAccount is a person and the workspace they will own.
type NewAccount struct {
	Email     string
	Password  string
	Workspace NewWorkspace
}

// Empty tells whether nobody has signed up yet.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	var users int64
	_, err := s.reader().one(ctx, "users_count", nil, &users)
	return users == 0, failed("count the accounts", err)
}

// NewSignUpLink makes the token of a link where one person can sign up, once,
// within a day. Links made earlier end.
func (s *Store) NewSignUpLink(ctx context.Context) (token string, err error) {
	token = newSecret("")
	err = s.update(ctx, "make a sign-up link", func(t *tx) error {
		if _, err := t.exec(ctx, "sign_up_links_clear"); err != nil {
			return err
		}
		_, err := t.exec(ctx, "sign_up_link_insert", hashSecret(token), int64(t.now.Add(signUpLinkLife)))
		return err
	})
	return token, err
}

// SignUp uses a sign-up link: it makes the account and a workspace that the
// person owns. Someone who has an account gives its password and gets one more
// workspace.
func (s *Store) SignUp(ctx context.Context, token string, account NewAccount) (Principal, error) {
	return s.createOwner(ctx, "sign up", token, account)
}

// CreateOwner is SignUp without a link, for programs that set up their own
// database.
func (s *Store) CreateOwner(ctx context.Context, account NewAccount) (Principal, error) {
	return s.createOwner(ctx, "create an owner", "", account)
}

func (s *Store) createOwner(ctx context.Context, op, link string, account NewAccount) (Principal, error) {
	email, err := cleanEmail(op, account.Email)
	if err != nil {
		return Principal{}, err
	}
	if err = checkPassword(op, account.Password); err != nil {
		return Principal{}, err
	}
	if link != "" {
		if err = s.checkLink(ctx, op, link); err != nil {
			return Principal{}, err
		}
	}
	// Passwords are hashed before the transaction, which would hold the one
	// writer of SQLite meanwhile.
	user, hash, err := s.ownerCredentials(ctx, op, email, account.Password)
	if err != nil {
		return Principal{}, err
	}
	who := Principal{User: user, Email: email, Role: Owner}
	err = s.update(ctx, op, func(t *tx) error {
		if link != "" {
			if err := t.useLink(ctx, op, link); err != nil {
				return err
			}
		}
		if who.User, err = t.ensureUser(ctx, op, user, email, hash); err != nil {
			return err
		}
		who.Workspace, err = t.insertWorkspace(ctx, op, account.Workspace, who.User)
		return err
	})
	return who, err
}

// ownerCredentials finds the account, whose password must then fit, or hashes
// the password of a new one.
func (s *Store) ownerCredentials(ctx context.Context, op, email, password string) (user int64, hash string, err error) {
	found, err := s.reader().one(ctx, "user_by_email", []any{email}, &user, &hash)
	if err != nil {
		return 0, "", failed(op, err)
	}
	if !found {
		hash, err = s.hashPassword(ctx, password)
		return 0, hash, failed(op, err)
	}
	fits, err := s.verifyPassword(ctx, hash, password)
	if err != nil {
		return 0, "", failed(op, err)
	}
	if !fits {
		return 0, "", schema.E(op, schema.KindConflict, "There is an account with this email, and the password is another. Give that account's password, or another email.")
	}
	return user, hash, nil
}

func (t *tx) ensureUser(ctx context.Context, op string, known int64, email, hash string) (int64, error) {
	if known != 0 {
		return known, nil
	}
	id, err := t.serial(ctx, "users")
	if err != nil {
		return 0, err
	}
	made, err := t.exec(ctx, "user_insert", id, email, hash, int64(t.now))
	if err == nil && made == 0 {
		err = schema.E(op, schema.KindConflict, "An account with this email was made a moment ago. Try again.")
	}
	return id, err
}

func linkError(op string) error {
	return schema.E(op, schema.KindDenied, "This sign-up link was used, has expired, or was replaced by a newer one. Start the server on an empty database to get a new one.")
}

func (s *Store) checkLink(ctx context.Context, op, token string) error {
	var expires int64
	found, err := s.reader().one(ctx, "sign_up_link_find", []any{hashSecret(token)}, &expires)
	if err != nil {
		return failed(op, err)
	}
	if !found || schema.Millis(expires) <= s.clock() {
		return linkError(op)
	}
	return nil
}

func (t *tx) useLink(ctx context.Context, op, token string) error {
	used, err := t.exec(ctx, "sign_up_link_use", hashSecret(token), int64(t.now))
	if err == nil && used == 0 {
		err = linkError(op)
	}
	return err
}

// cleanEmail is how accounts are told apart: trimmed and in lower case.
func cleanEmail(op, text string) (string, error) {
	email := strings.ToLower(strings.TrimSpace(text))
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > 254 {
		return "", schema.E(op, schema.KindInvalid, "This is no email address. Write it as name@example.com.")
	}
	return email, nil
}

// SignIn is what a person gives to sign in.
type SignIn struct {
	Email    string
	Password string
	Address  string // the client's network address, for throttling; kept as a hash for an hour
	Previous string // the session token the browser had, which ends
}

// SignIn checks a password and begins a session: the token goes into a cookie,
// and is valid for 14 days. Failures slow down an account and an address.
func (s *Store) SignIn(ctx context.Context, in SignIn) (token string, who Principal, err error) {
	const op = "sign in"
	email := strings.ToLower(strings.TrimSpace(in.Email))
	subjects := throttled(email, in.Address)
	if err = s.checkThrottle(ctx, op, subjects); err != nil {
		return "", Principal{}, err
	}
	user, fits, err := s.checkCredentials(ctx, email, in.Password)
	if err != nil {
		return "", Principal{}, failed(op, err)
	}
	if !fits {
		if err = s.recordFailure(ctx, op, subjects); err != nil {
			return "", Principal{}, err
		}
		return "", Principal{}, schema.E(op, schema.KindDenied, "The email or the password is wrong.")
	}
	token = newSecret("")
	err = s.update(ctx, op, func(t *tx) error {
		who, err = t.beginSession(ctx, op, token, in.Previous, user)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, "failures_clear", subjects[0].key)
		return err
	})
	who.Email = email
	return token, who, err
}

// checkCredentials takes as long for an unknown account as for a known one.
func (s *Store) checkCredentials(ctx context.Context, email, password string) (user int64, fits bool, err error) {
	var hash string
	found, err := s.reader().one(ctx, "user_by_email", []any{email}, &user, &hash)
	if err != nil {
		return 0, false, err
	}
	if !found {
		hash = decoy
	}
	if len(password) > maxPassword {
		password = ""
	}
	fits, err = s.verifyPassword(ctx, hash, password)
	return user, fits && found, err
}

// beginSession starts in the person's oldest membership.
func (t *tx) beginSession(ctx context.Context, op, token, previous string, user int64) (Principal, error) {
	if previous != "" {
		if _, err := t.exec(ctx, "sign_in_delete", hashSecret(previous)); err != nil {
			return Principal{}, err
		}
	}
	var workspace int64
	var role string
	found, err := t.one(ctx, "member_first", []any{user}, &workspace, &role)
	if err != nil {
		return Principal{}, err
	}
	if !found {
		return Principal{}, schema.E(op, schema.KindDenied, "Your account belongs to no workspace any more. Ask an Owner or an Admin to add you.")
	}
	_, err = t.exec(ctx, "sign_in_insert", hashSecret(token), user, workspace, int64(t.now), int64(t.now.Add(signInLife)))
	return Principal{User: user, Workspace: uint32(workspace), Role: Role(role)}, err
}

// Session finds whose session a token is; the role is the present one, so that
// a removed member is out at once. The error's kind is Denied when it is
// nobody's.
func (s *Store) Session(ctx context.Context, token string) (Principal, error) {
	const op = "read the session"
	var who Principal
	var workspace int64
	var role string
	found, err := s.reader().one(ctx, "session_find", []any{hashSecret(token), int64(s.clock())}, &who.User, &who.Email, &workspace, &role)
	if err != nil {
		return Principal{}, failed(op, err)
	}
	if !found || token == "" {
		return Principal{}, schema.E(op, schema.KindDenied, "You are signed out. Sign in again.")
	}
	who.Workspace, who.Role = uint32(workspace), Role(role)
	return who, nil
}

// SignOut ends a session at once. A token that is nobody's is no error.
func (s *Store) SignOut(ctx context.Context, token string) error {
	return s.update(ctx, "sign out", func(t *tx) error {
		_, err := t.exec(ctx, "sign_in_delete", hashSecret(token))
		return err
	})
}

// SwitchWorkspace moves a session to another workspace of the same person.
func (s *Store) SwitchWorkspace(ctx context.Context, token string, workspace uint32) (Principal, error) {
	const op = "switch the workspace"
	err := s.update(ctx, op, func(t *tx) error {
		moved, err := t.exec(ctx, "session_switch", hashSecret(token), int64(workspace), int64(t.now))
		if err == nil && moved == 0 {
			err = schema.E(op, schema.KindUnknown, "There is no such workspace, or you are no member of it.")
		}
		return err
	})
	if err != nil {
		return Principal{}, err
	}
	return s.Session(ctx, token)
}

// ChangePassword sets a new password and ends all sessions of the person.
func (s *Store) ChangePassword(ctx context.Context, who Principal, old, password string) error {
	const op = "change the password"
	if err := checkPassword(op, password); err != nil {
		return err
	}
	user, fits, err := s.checkCredentials(ctx, who.Email, old)
	if err != nil {
		return failed(op, err)
	}
	if !fits || user != who.User {
		return schema.E(op, schema.KindDenied, "The present password is wrong, so it was not changed.")
	}
	hash, err := s.hashPassword(ctx, password)
	if err != nil {
		return failed(op, err)
	}
	return s.update(ctx, op, func(t *tx) error {
		if _, err := t.exec(ctx, "user_password", user, hash); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "sign_ins_delete", user); err != nil {
			return err
		}
		return t.audit(ctx, who, "password changed", "")
	})
}

package api

import (
	"context"
	"net/http"
	"strconv"

	"sourceloop/control"
	"sourceloop/schema"
)

// SignIn checks a password and hands the browser a session.
func (s *service) SignIn(ctx context.Context, in SignInRequestObject) (SignInResponseObject, error) {
	session, cookie, err := s.signIn(ctx, in.Body.Email, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return SignIn200JSONResponse{Body: session, Headers: SignIn200ResponseHeaders{SetCookie: &cookie}}, nil
}

func (s *service) signIn(ctx context.Context, email, password string) (Session, string, error) {
	asked := callerOf(ctx)
	token, who, err := s.Store.SignIn(ctx, control.SignIn{Email: email, Password: password, Address: asked.address, Previous: asked.token})
	if denied(err) {
		return Session{}, "", refuse(http.StatusUnauthorized, "The email or the password is wrong, or the account belongs to no workspace.",
			"Check both. An Owner or an Admin of the workspace can help.")
	}
	if err != nil {
		return Session{}, "", err
	}
	session, err := s.session(ctx, who)
	return session, s.cookie.set(token), err
}

// SignOut ends the browser's session.
func (s *service) SignOut(ctx context.Context, _ SignOutRequestObject) (SignOutResponseObject, error) {
	if token := callerOf(ctx).token; token != "" {
		if err := s.Store.SignOut(ctx, token); err != nil {
			return nil, err
		}
	}
	return SignOut204Response{Headers: SignOut204ResponseHeaders{SetCookie: new(s.cookie.clear())}}, nil
}

// SignUp makes the first Owner by a one-time link.
func (s *service) SignUp(ctx context.Context, in SignUpRequestObject) (SignUpResponseObject, error) {
	b := in.Body
	_, err := s.Store.SignUp(ctx, b.Token, control.NewAccount{
		Email: b.Email, Password: b.Password, Workspace: control.NewWorkspace{Name: b.Workspace, Zone: b.Zone, Currency: b.Currency},
	})
	if denied(err) {
		return nil, refuse(http.StatusGone, "This sign-up link was used, has expired, or was replaced by a newer one.",
			"Sign in if you have an account. Else start the server on an empty database, which prints a new link.")
	}
	if err != nil {
		return nil, err
	}
	session, cookie, err := s.signIn(ctx, b.Email, b.Password)
	if err != nil {
		return nil, err
	}
	return SignUp201JSONResponse{Body: session, Headers: SignUp201ResponseHeaders{SetCookie: &cookie}}, nil
}

// GetSession says who asks.
func (s *service) GetSession(ctx context.Context, _ GetSessionRequestObject) (GetSessionResponseObject, error) {
	session, err := s.session(ctx, callerOf(ctx).Principal)
	return GetSession200JSONResponse(session), err
}

func (s *service) session(ctx context.Context, who control.Principal) (Session, error) {
	w, err := workspaceOf(ctx, s.Store, who.Workspace)
	if err != nil {
		return Session{}, err
	}
	session := Session{
		User: User{Email: who.Email}, Role: Role(who.Role),
		Workspace:  Workspace{Id: int64(w.ID), Name: w.Name, Zone: w.Zone.String(), Currency: w.Currency, SiteKey: w.SiteKey},
		Workspaces: []WorkspaceRole{},
	}
	if who.Key != 0 {
		name, err := s.Store.APIKeyName(ctx, who)
		session.User.Name = name
		session.Workspaces = append(session.Workspaces, WorkspaceRole{Id: int64(w.ID), Name: w.Name, Role: Role(who.Role)})
		return session, err
	}
	all, err := s.Store.Memberships(ctx, who.User)
	for _, m := range all {
		session.Workspaces = append(session.Workspaces, WorkspaceRole{Id: int64(m.Workspace), Name: m.Name, Role: Role(m.Role)})
	}
	return session, err
}

// ListKeys lists the API keys, newest first.
func (s *service) ListKeys(ctx context.Context, _ ListKeysRequestObject) (ListKeysResponseObject, error) {
	all, err := s.Store.APIKeys(ctx, callerOf(ctx).Principal)
	if err != nil {
		return nil, err
	}
	list := ListKeys200JSONResponse{Items: make([]Key, 0, len(all))}
	for i := len(all) - 1; i >= 0; i-- {
		list.Items = append(list.Items, keyOf(all[i]))
	}
	return list, nil
}

func keyOf(k control.APIKey) Key {
	return Key{
		Id: strconv.FormatInt(k.ID, 10), Name: k.Name, Role: Role(k.Role), Hint: k.Hint,
		CreatedAt: Moment(k.CreatedAt), LastUsedAt: moment(k.LastUsedAt),
	}
}

// CreateKey makes an API key and shows it once.
func (s *service) CreateKey(ctx context.Context, in CreateKeyRequestObject) (CreateKeyResponseObject, error) {
	who := callerOf(ctx).Principal
	secret, err := s.Store.CreateAPIKey(ctx, who, control.NewAPIKey{Name: in.Body.Name, Role: control.Role(in.Body.Role)})
	if err != nil {
		return nil, err
	}
	made, ok := s.Store.Directory().APIKey(secret)
	all, err := s.Store.APIKeys(ctx, who)
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if ok && k.ID == made.Key {
			return CreateKey201JSONResponse{Key: keyOf(k), Secret: secret}, nil
		}
	}
	return nil, schema.E("create an API key", schema.KindUnavailable, "The key was made but could not be read back. Delete it from the list and make another.")
}

// DeleteKey ends an API key.
func (s *service) DeleteKey(ctx context.Context, in DeleteKeyRequestObject) (DeleteKeyResponseObject, error) {
	id, err := strconv.ParseInt(in.Id, 10, 64)
	if err != nil {
		return nil, schema.E("delete an API key", schema.KindUnknown, "There is no such key in this workspace. Look at the list of keys.")
	}
	return DeleteKey204Response{}, s.Store.DeleteAPIKey(ctx, callerOf(ctx).Principal, id)
}

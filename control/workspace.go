package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"sourceloop/schema"
)

// inForceAfter is how long after saving a version of settings comes into
// force: long enough for every process to know it by then.
const inForceAfter = 10 * time.Second

// NewWorkspace is what a workspace begins with.
type NewWorkspace struct {
	Name     string
	Zone     string // IANA name, for reports and midnight
	Currency string // ISO 4217
	SiteKey  string // made up when empty
}

func (n *NewWorkspace) complete(op string) (*time.Location, error) {
	n.Name = strings.TrimSpace(n.Name)
	if n.Name == "" || len(n.Name) > 200 {
		return nil, schema.E(op, schema.KindInvalid, "The workspace needs a name of at most 200 bytes.")
	}
	zone, err := loadZone(n.Zone)
	if err != nil {
		return nil, schema.E(op, schema.KindInvalid, "The time zone is not known. Give its IANA name, such as Europe/Berlin or UTC.")
	}
	n.Currency = strings.ToUpper(strings.TrimSpace(n.Currency))
	if !regexp.MustCompile(`^[A-Z]{3}$`).MatchString(n.Currency) {
		return nil, schema.E(op, schema.KindInvalid, "The currency must be a code of three letters (ISO 4217), such as EUR.")
	}
	if n.SiteKey == "" {
		var b [12]byte
		_, _ = rand.Read(b[:]) // Never fails, see newSecret.
		n.SiteKey = "sl_" + hex.EncodeToString(b[:])
	}
	return zone, nil
}

// loadZone refuses "" and "Local", which mean another zone on every machine.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("cannot use %q as a time zone", name)
	}
	return time.LoadLocation(name)
}

// insertWorkspace writes a workspace, its first settings, and its owner.
func (t *tx) insertWorkspace(ctx context.Context, op string, n NewWorkspace, owner int64) (uint32, error) {
	zone, err := n.complete(op)
	if err != nil {
		return 0, err
	}
	id, err := t.serial(ctx, "workspaces")
	if err != nil {
		return 0, err
	}
	made, err := t.exec(ctx, "workspace_insert", id, n.Name, n.SiteKey, n.Currency, zone.String(), int64(t.now))
	if err != nil {
		return 0, err
	}
	if made == 0 {
		return 0, schema.E(op, schema.KindConflict, "Another workspace has this site key. Leave it empty to have one made.")
	}
	first := schema.DefaultSettings()
	first.Zone = zone
	if err = t.insertSettings(ctx, uint32(id), first, owner); err != nil {
		return 0, err
	}
	if _, err = t.exec(ctx, "member_insert", id, owner, string(Owner), int64(t.now)); err != nil {
		return 0, err
	}
	if err = t.audit(ctx, Principal{User: owner, Workspace: uint32(id)}, "workspace created", ""); err != nil {
		return 0, err
	}
	return uint32(id), t.change(ctx, uint32(id), "workspace")
}

func (t *tx) insertSettings(ctx context.Context, workspace uint32, set schema.Settings, by int64) error {
	body, err := encodeSettings(set)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "settings_insert", int64(workspace), int64(set.Version), int64(set.From), body, int64(t.now), by)
	return err
}

// SaveSettings adds a version of the workspace's settings, in force ten
// seconds from now; sessions that began before keep theirs. A Version in set is
// the one that it was made from: when another was saved since then, nothing is.
// Its From is ignored. It returns the version as saved.
func (s *Store) SaveSettings(ctx context.Context, who Principal, set schema.Settings) (schema.Settings, error) {
	const op = "save the settings"
	if err := who.Require(op, ManageSettings); err != nil {
		return schema.Settings{}, err
	}
	if err := completeSettings(op, &set); err != nil {
		return schema.Settings{}, err
	}
	err := s.update(ctx, op, func(t *tx) error {
		// The number of a change is taken first: its lock orders two savers.
		if err := t.change(ctx, who.Workspace, "settings"); err != nil {
			return err
		}
		var version, from int64
		if _, err := t.one(ctx, "settings_last", []any{int64(who.Workspace)}, &version, &from); err != nil {
			return err
		}
		if set.Version != 0 && set.Version != uint32(version) {
			return schema.E(op, schema.KindConflict, "Somebody else saved these settings in the meantime, so nothing was saved. Load them anew and change them again.")
		}
		set.Version = uint32(version) + 1
		set.From = max(t.now.Add(inForceAfter), schema.Millis(from)+1)
		if err := t.insertSettings(ctx, who.Workspace, set, who.User); err != nil {
			return err
		}
		// Reports follow at once: their days are a matter of reading.
		if _, err := t.exec(ctx, "zone_set", int64(who.Workspace), set.Zone.String()); err != nil {
			return err
		}
		return t.audit(ctx, who, "settings saved", fmt.Sprintf("version %d", set.Version))
	})
	return set, err
}

// DateSettings makes the newest settings those of everything since a moment:
// it saves them as a version that is dated back. What was derived under others
// changes by a rebuild. It tells whether that makes a difference at all.
func (s *Store) DateSettings(ctx context.Context, who Principal, from schema.Millis) (set schema.Settings, differs bool, err error) {
	const op = "date the settings back"
	if err := who.Require(op, ManageSettings); err != nil {
		return set, false, err
	}
	err = s.update(ctx, op, func(t *tx) error {
		if err := t.change(ctx, who.Workspace, "settings"); err != nil {
			return err
		}
		list, newest, err := t.settings(ctx, who.Workspace)
		if err != nil {
			return err
		}
		if newest.Version == 0 {
			return schema.E(op, schema.KindUnknown, "There is no workspace %d.", who.Workspace)
		}
		set = newest
		if then := (&schema.Workspace{Settings: list}).At(from); then.Version == newest.Version {
			return nil
		}
		set.Version, set.From, differs = newest.Version+1, from, true
		if err := t.insertSettings(ctx, who.Workspace, set, who.User); err != nil {
			return err
		}
		return t.audit(ctx, who, "settings dated back", fmt.Sprintf("version %d from %s", set.Version, from.Time().Format(time.RFC3339)))
	})
	return set, differs, err
}

// settings are a workspace's versions as they follow one another in time, and
// the newest one that was saved.
func (t *tx) settings(ctx context.Context, workspace uint32) (list []schema.Settings, newest schema.Settings, err error) {
	err = t.each(ctx, "settings_of", []any{int64(workspace)}, func(scan func(...any) error) error {
		var version, from int64
		var body string
		if err := scan(&version, &from, &body); err != nil {
			return err
		}
		newest, err = decodeSettings(uint32(version), schema.Millis(from), body)
		list = superseded(list, newest)
		return err
	})
	return list, newest, err
}

// completeSettings normalises settings and refuses what cannot work.
func completeSettings(op string, set *schema.Settings) error {
	if set.Timeout < time.Minute || set.Timeout > 10*time.Hour {
		return schema.E(op, schema.KindInvalid, "A session's time-out must be between 1 minute and 10 hours.")
	}
	if set.Zone == nil {
		set.Zone = time.UTC
	}
	if _, err := loadZone(set.Zone.String()); err != nil {
		return schema.E(op, schema.KindInvalid, "The time zone is not known. Give its IANA name, such as Europe/Berlin or UTC.")
	}
	for _, hosts := range [][]string{set.Domains, set.Gateways} {
		for i, host := range hosts {
			hosts[i] = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(host)), ".")
			if hosts[i] == "" || strings.ContainsAny(hosts[i], "/: ") {
				return schema.E(op, schema.KindInvalid, "%q is no domain. Write it without https:// and without a path, such as example.com.", host)
			}
		}
	}
	return CheckRules(op, set.Rules)
}

// CheckRules refuses rules that cannot work. op is what they are for.
func CheckRules(op string, rules []schema.ChannelRule) error {
	for i := range rules {
		if err := checkRule(op, &rules[i]); err != nil {
			return err
		}
	}
	return nil
}

func checkRule(op string, rule *schema.ChannelRule) error {
	if rule.Name == "" || rule.Channel == "" || len(rule.Conditions) == 0 {
		return schema.E(op, schema.KindInvalid, "A channel rule needs a name, a channel and at least one condition.")
	}
	for _, c := range rule.Conditions {
		switch c.Field {
		case "source", "medium", "campaign", "referrer_host", "click_id", "landing_path":
		default:
			return schema.E(op, schema.KindInvalid, "The rule %q compares %q, which is no field. Use source, medium, campaign, referrer_host, click_id or landing_path.", rule.Name, c.Field)
		}
		switch c.Operator {
		case "is", "is_not", "contains", "starts_with":
		case "regex":
			if _, err := regexp.Compile(c.Value); err != nil {
				return schema.E(op, schema.KindInvalid, "The pattern %q of the rule %q is no regular expression (RE2 syntax).", c.Value, rule.Name)
			}
		default:
			return schema.E(op, schema.KindInvalid, "The rule %q uses %q, which is no operator. Use is, is_not, contains, starts_with or regex.", rule.Name, c.Operator)
		}
	}
	return nil
}

// settingsBody is how a version of settings is kept: a time zone by its name,
// a time-out in milliseconds.
type settingsBody struct {
	TimeoutMS   int64                `json:"timeout_ms"`
	Attribution bool                 `json:"attribution"`
	Midnight    bool                 `json:"midnight"`
	Zone        string               `json:"zone"`
	Domains     []string             `json:"domains,omitempty"`
	Gateways    []string             `json:"gateways,omitempty"`
	PaidFbclid  bool                 `json:"paid_fbclid"`
	Rules       []schema.ChannelRule `json:"rules,omitempty"`
}

func encodeSettings(set schema.Settings) (string, error) {
	body, err := json.Marshal(settingsBody{
		TimeoutMS: set.Timeout.Milliseconds(), Attribution: set.Attribution, Midnight: set.Midnight, Zone: set.Zone.String(),
		Domains: set.Domains, Gateways: set.Gateways, PaidFbclid: set.PaidFbclid, Rules: set.Rules,
	})
	return string(body), err
}

func decodeSettings(version uint32, from schema.Millis, text string) (schema.Settings, error) {
	var body settingsBody
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		return schema.Settings{}, fmt.Errorf("cannot read version %d of the settings: %w", version, err)
	}
	zone, err := loadZone(body.Zone)
	if err != nil {
		return schema.Settings{}, fmt.Errorf("cannot read version %d of the settings: %w", version, err)
	}
	return schema.Settings{
		Version: version, From: from, Timeout: time.Duration(body.TimeoutMS) * time.Millisecond,
		Attribution: body.Attribution, Midnight: body.Midnight, Zone: zone,
		Domains: body.Domains, Gateways: body.Gateways, PaidFbclid: body.PaidFbclid, Rules: body.Rules,
	}, nil
}

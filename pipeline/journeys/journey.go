package journeys

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// Site is the site that the pages of a journey are on.
const Site = "https://shop.example"

// WorkspaceID is the workspace of a journey, unless another one is asked for.
const WorkspaceID = 7

// Journey is what a .journey file says: what happened, and what must come out.
type Journey struct {
	Workspace *schema.Workspace
	Hits      []*schema.Hit   // in the order of arrival, repeats included
	Claims    []*schema.Claim // in the order of arrival
	Chats     []*schema.ConversionFact
	Days      int      // of lookback; 0 is all
	Models    []string // whose credits are shown
	Shows     []string // the rules of RULES.md that it shows
	Funnels   []Funnel
	Reports   []Report
	Want      string // what must come out, as Outcome.Text writes it
}

// Parse reads a journey. Errors name the line.
func Parse(text string) (*Journey, error) { return ParseIn(text, WorkspaceID) }

// ParseIn reads a journey as one of some workspace's.
func ParseIn(text string, workspace uint32) (*Journey, error) {
	given, want, _ := strings.Cut(text, "\n---\n")
	first := schema.DefaultSettings()
	p := &parser{journey: &Journey{
		Workspace: &schema.Workspace{ID: workspace, Name: "journey", Zone: time.UTC, Settings: []schema.Settings{first}},
		Days:      90, Want: want,
	}}
	for i, line := range strings.Split(given, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := p.line(words[0], words[1:]); err != nil {
			return nil, fmt.Errorf("cannot read line %d, %q: %w", i+1, line, err)
		}
	}
	return p.journey, nil
}

// parser reads line by line; now is the time of the line before.
type parser struct {
	journey  *Journey
	now      time.Time
	received schema.Millis // of all hits from here on; 0: each soon after it happened
}

func (p *parser) line(word string, rest []string) error {
	switch word {
	case "hit":
		return p.hit(rest)
	case "claim":
		return p.claim(rest)
	case "chat":
		return p.chat(rest)
	case "rule":
		return p.rule(rest)
	case "credits":
		p.journey.Models = rest
		return nil
	case "shows":
		p.journey.Shows = append(p.journey.Shows, rest...)
		return nil
	case "funnel":
		return p.funnel(rest)
	case "report":
		return p.report(rest)
	}
	if len(rest) == 0 {
		return fmt.Errorf("%q needs a value", word)
	}
	return p.setting(word, rest)
}

func (p *parser) settings() *schema.Settings {
	all := p.journey.Workspace.Settings
	return &all[len(all)-1]
}

func (p *parser) setting(word string, rest []string) (err error) {
	s, value := p.settings(), rest[0]
	switch word {
	case "zone":
		if s.Zone, err = time.LoadLocation(value); err == nil {
			p.journey.Workspace.Zone = s.Zone
		}
	case "timeout":
		s.Timeout, err = time.ParseDuration(value)
	case "midnight":
		s.Midnight = value == "on"
	case "attribution":
		s.Attribution = value == "on"
	case "fbclid":
		s.PaidFbclid = value == "paid"
	case "domain":
		s.Domains = append(slices.Clip(s.Domains), value)
	case "gateway":
		s.Gateways = append(slices.Clip(s.Gateways), value)
	case "lookback":
		p.journey.Days, err = strconv.Atoi(value)
	case "settings": // settings from TIME
		return p.newSettings(rest)
	case "arrive": // all hits from here on, at once
		p.received, _, err = p.time(rest)
	default:
		return fmt.Errorf("there is no %q", word)
	}
	return err
}

func (p *parser) newSettings(rest []string) error {
	at, _, err := p.time(rest[1:])
	next := *p.settings()
	next.Version++
	next.From = at
	p.journey.Workspace.Settings = append(p.journey.Workspace.Settings, next)
	return err
}

// rule reads "Name: field operator value [and field operator value]… => Channel".
func (p *parser) rule(words []string) error {
	name, rest, named := strings.Cut(strings.Join(words, " "), ": ")
	conditions, channel, complete := strings.Cut(rest, " => ")
	if !named || !complete {
		return fmt.Errorf("a rule is \"Name: field operator value => Channel\"")
	}
	rule := schema.ChannelRule{Name: name, Channel: channel}
	for c := range strings.SplitSeq(conditions, " and ") {
		parts := strings.SplitN(c, " ", 3)
		if len(parts) < 3 {
			return fmt.Errorf("a condition is \"field operator value\", not %q", c)
		}
		rule.Conditions = append(rule.Conditions, schema.ChannelCondition{Field: parts[0], Operator: parts[1], Value: parts[2]})
	}
	s := p.settings()
	s.Rules = append(slices.Clip(s.Rules), rule)
	return nil
}

// time reads a moment from the first words: a date and a time of day, a time of
// day on the date before, or a step from the moment before. Z after a time of
// day means UTC; otherwise it is in the workspace's zone.
func (p *parser) time(words []string) (schema.Millis, []string, error) {
	if len(words) == 0 {
		return 0, nil, fmt.Errorf("a time is missing")
	}
	if step, relative := strings.CutPrefix(words[0], "+"); relative {
		return p.step(step, words[1:])
	}
	date := p.now.In(p.journey.Workspace.Zone).Format(time.DateOnly)
	if len(words) > 1 && strings.Count(words[0], "-") == 2 {
		date, words = words[0], words[1:]
	}
	clock, utc := strings.CutSuffix(words[0], "Z")
	zone := p.journey.Workspace.Zone
	if utc {
		zone = time.UTC
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if at, err := time.ParseInLocation(layout, date+" "+clock, zone); err == nil {
			p.now = at
			return schema.MillisOf(at), words[1:], nil
		}
	}
	return 0, nil, fmt.Errorf("%q is no time", words[0])
}

func (p *parser) step(text string, rest []string) (schema.Millis, []string, error) {
	days := 0
	if count, after, found := strings.Cut(text, "d"); found {
		n, err := strconv.Atoi(count)
		if err != nil {
			return 0, nil, fmt.Errorf("cannot read the days of %q: %w", text, err)
		}
		days, text = n, after
	}
	var d time.Duration
	if text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			return 0, nil, err
		}
	}
	p.now = p.now.Add(time.Duration(days)*24*time.Hour + d)
	return schema.MillisOf(p.now), rest, nil
}

// options takes the key=value words apart. An underscore is a space in a name,
// a phone number or a user id.
func options(words []string, keys ...string) (rest []string, values map[string]string) {
	values = make(map[string]string)
	for _, w := range words {
		if key, value, found := strings.Cut(w, "="); found && slices.Contains(keys, key) {
			if key == "name" || key == "phone" || key == "user" {
				value = strings.ReplaceAll(value, "_", " ")
			}
			values[key] = value
			continue
		}
		rest = append(rest, w)
	}
	return rest, values
}

// hit reads "VISITOR TIME view URL", "… event NAME URL", "… leave URL",
// "… identify trait=value", or "VISITOR again [URL]".
func (p *parser) hit(words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("a hit is \"hit VISITOR TIME TYPE …\"")
	}
	visitor := words[0]
	if words[1] == "again" {
		return p.again(visitor, words[2:])
	}
	at, words, err := p.time(words[1:])
	if err != nil {
		return err
	}
	words, given := options(words, "from", "email", "phone", "user", "name", "country", "device", "browser", "engaged", "with", "bot", "consent", "fbp", "fbc", "li_fat_id")
	if len(words) == 0 {
		return fmt.Errorf("what kind of hit?")
	}
	n := len(p.journey.Hits)
	id := schema.NewHitID(at, [10]byte{0, byte(n >> 8), 0x80, byte(n)})
	h := &schema.Hit{
		Id: id[:], Workspace: p.journey.Workspace.ID, Visitor: visitor, At: int64(at), Received: int64(at) + 100,
		Referrer: given["from"], Country: given["country"], Device: given["device"], Browser: given["browser"], Bot: given["bot"] == "yes",
	}
	h.AdConsent, h.Fbp, h.Fbc, h.LiFatId = given["consent"], given["fbp"], given["fbc"], given["li_fat_id"]
	if p.received > 0 {
		h.Received = int64(p.received) + int64(n)
	}
	p.journey.Hits = append(p.journey.Hits, h)
	return describe(h, words, given)
}

func describe(h *schema.Hit, words []string, given map[string]string) error {
	switch words[0] {
	case "view":
		h.Type = schema.HitType_HIT_TYPE_PAGEVIEW
	case "leave":
		h.Type = schema.HitType_HIT_TYPE_LEAVE
		if given["engaged"] != "" {
			h.Properties = []byte(`{"engaged_ms":` + given["engaged"] + `}`)
		}
	case "ads":
		h.Type = schema.HitType_HIT_TYPE_ADS
	case "identify":
		h.Type = schema.HitType_HIT_TYPE_IDENTIFY
		h.Traits = &schema.Traits{Email: given["email"], Phone: given["phone"], UserId: given["user"], Name: given["name"]}
	case "event":
		h.Type = schema.HitType_HIT_TYPE_EVENT
		if len(words) < 2 {
			return fmt.Errorf("an event has a name")
		}
		h.Name = words[1]
		h.Properties = properties(given["with"])
		words = words[1:]
	default:
		return fmt.Errorf("there is no hit of the type %q", words[0])
	}
	if h.Url = Site + "/"; len(words) > 1 {
		h.Url = words[1]
		if strings.HasPrefix(h.GetUrl(), "/") {
			h.Url = Site + h.GetUrl()
		}
	}
	return nil
}

// properties writes "plan:pro,seats:5" as an object of strings; nothing for
// nothing.
func properties(text string) []byte {
	if text == "" {
		return nil
	}
	var members []string
	for pair := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(pair, ":")
		members = append(members, fmt.Sprintf("%q:%q", key, value))
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}

// again repeats the visitor's last hit, as it arrives twice; with another URL it
// is the same id with another body, received later.
func (p *parser) again(visitor string, words []string) error {
	for _, h := range slices.Backward(p.journey.Hits) {
		if h.GetVisitor() != visitor {
			continue
		}
		if len(words) > 0 {
			h = proto.CloneOf(h)
			h.Received += 1000
			h.Url = Site + words[0]
		}
		p.journey.Hits = append(p.journey.Hits, h)
		return nil
	}
	return fmt.Errorf("%s has no hit yet", visitor)
}

// claim reads "TIME verified|asserted NODE…", with by=METHOD and name=NAME.
func (p *parser) claim(words []string) error {
	at, words, err := p.time(words)
	if err != nil {
		return err
	}
	words, given := options(words, "by", "name")
	bond, isBond := map[string]schema.Bond{"apart": schema.Bond_BOND_APART, "free": schema.Bond_BOND_FREE}[first(words)]
	if len(words) < 2 || words[0] != "verified" && words[0] != "asserted" && !isBond {
		return fmt.Errorf("a claim is \"claim TIME verified|asserted|apart|free NODE…\"")
	}
	nodes := make([]schema.Node, len(words)-1)
	for i, w := range words[1:] {
		nodes[i] = schema.Node(w)
	}
	evidence := "claim of " + at.Time().Format(time.RFC3339)
	method := given["by"]
	if method == "" {
		method = string(nodes[0].Kind())
	}
	claim := schema.NewClaim(p.journey.Workspace.ID, nodes, words[0] != "asserted", at, evidence, method, given["name"])
	claim.Bond = bond
	p.journey.Claims = append(p.journey.Claims, claim)
	return nil
}

func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// chat reads "NAME TIME NODE", with in=VISITOR, value=AMOUNT, by=PROVIDER and as=NAME. Its time is the
// provider's, in whole seconds.
func (p *parser) chat(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("a chat has a name")
	}
	name := words[0]
	at, words, err := p.time(words[1:])
	if err != nil {
		return err
	}
	words, given := options(words, "in", "value", "by", "as")
	if len(words) != 1 {
		return fmt.Errorf("a chat is \"chat NAME TIME NODE [in=VISITOR] [value=AMOUNT] [by=PROVIDER] [as=NAME]\"")
	}
	worth, err := strconv.ParseFloat(or(given["value"], "0"), 64)
	if err != nil {
		return err
	}
	provider := or(given["by"], "intercom")
	id := schema.ConversationID(p.journey.Workspace.ID, provider, name)
	p.journey.Chats = append(p.journey.Chats, &schema.ConversionFact{
		Id: id[:], Workspace: p.journey.Workspace.ID, Name: or(given["as"], provider+"_conversation"), Provider: provider, ExternalId: name,
		Node: words[0], Visitor: given["in"], At: int64(schema.EndOfSecond(int64(at) / 1000)), Value: worth,
	})
	return nil
}

package bi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/embedded"
	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
	sink "sourceloop/sinks/clickhouse"
)

const (
	database = "sourceloop"
	views    = "bi"
)

// office is a ClickHouse with two workspaces and three people who read it: ann and carl the first, carl with personal
// data, and ben the second.
type office struct {
	engine *embedded.ClickHouse
}

func openOffice(t *testing.T) *office {
	t.Helper()
	dir := t.TempDir()
	child, err := embeddedtest.BuildChild(dir)
	if err != nil {
		t.Fatal(err)
	}
	config := embedded.ClickHouseConfig{
		Dir: filepath.Join(dir, "clickhouse"), Engine: embeddedtest.Engine(t), Executable: child, MaxMemory: 2 << 30, CacheSize: 32 << 20,
	}
	profile := embedded.Profile{Name: migrations.BIProfile}
	for _, s := range migrations.BISettings() {
		profile.Settings = append(profile.Settings, embedded.Setting(s))
	}
	config.Profiles = []embedded.Profile{profile}
	for _, u := range []migrations.BIUser{{Name: "ann", Workspace: 1}, {Name: "ben", Workspace: 2}, {Name: "carl", Workspace: 1, Details: true}} {
		sum := sha256.Sum256([]byte(password(u.Name)))
		u.PasswordHash = hex.EncodeToString(sum[:])
		config.Guests = append(config.Guests, embedded.Guest{
			Name: u.Name, PasswordHash: u.PasswordHash, Profile: migrations.BIProfile, Database: migrations.BIDatabase(database),
			Tables: u.Views(), Filter: u.Filter(), Grants: u.Grants(database),
		})
	}
	engine, err := embedded.StartClickHouse(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &office{engine}
	o.furnish(t)
	return o
}

func password(user string) string { return user + "'s password" }

// furnish writes two workspaces through the product's own sink, each with what names it in every text.
func (o *office) furnish(t *testing.T) {
	t.Helper()
	config := sink.Config{
		Addr: []string{o.engine.Addr()}, Database: database, User: embedded.WriterUser, Password: o.engine.Password(), Every: time.Millisecond,
	}
	for range 2 { // Views are made anew at every start.
		if err := migrations.Migrate(t.Context(), sink.Options(config), database); err != nil {
			t.Fatal(err)
		}
		if err := migrations.MigrateViews(t.Context(), sink.Options(config), database); err != nil {
			t.Fatal(err)
		}
	}
	s, err := sink.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for workspace, name := range map[uint32]string{1: "alphaco", 2: "omegaco"} {
		if err := s.Write(t.Context(), workspaceOf(workspace, name)); err != nil {
			t.Fatal(err)
		}
		if err := s.Attribute(t.Context(), workspace, nil, 1); err != nil {
			t.Fatal(err)
		}
	}
}

// workspaceOf are a person with two sessions, somebody unknown with one, and a chat.
func workspaceOf(workspace uint32, name string) *sink.Batch {
	begin := schema.Millis(1_790_000_000_000)
	email, visitor := schema.NewNode(schema.NodeEmail, "ada@"+name+".example"), schema.NewNode(schema.NodeVisitor, name+"-v")
	contact := schema.ContactID(workspace, email)
	b := &sink.Batch{
		Contacts: []schema.ContactRow{{Version: 1, Contact: schema.Contact{
			ID: contact, Workspace: workspace, Email: email.Value(), Name: "Ada of " + name, CreatedAt: begin, Nodes: []schema.Node{email},
		}}},
	}
	for _, n := range []schema.Node{email, visitor} {
		b.Identities = append(b.Identities, schema.IdentityRow{Version: 1, Identity: schema.Identity{
			Workspace: workspace, Node: n, Since: []schema.Millis{begin}, Contacts: []schema.ID{contact},
		}})
	}
	for i, who := range []string{name + "-v", name + "-v", name + "-unknown"} {
		start := begin.Add(time.Duration(i) * time.Hour)
		hit := schema.Derive("hit", name, fmt.Sprint(i))
		page := "https://" + name + ".example/pricing"
		b.Sessions = append(b.Sessions, schema.SessionRow{Version: 1, Session: schema.Session{
			ID: schema.SessionID(workspace, who, hit), Workspace: workspace, Visitor: who, StartedAt: start, EndedAt: start, Reason: schema.ReasonFirstHit,
			Touch: schema.Touch{Channel: "Paid Search", Source: name + "-source", Medium: "cpc", LandingPage: page, At: start}, ExitPage: page,
			Items: []schema.Item{{Hit: hit, At: start, Type: schema.HitType_HIT_TYPE_PAGEVIEW, URL: page}},
		}})
	}
	id := schema.ConversationID(workspace, "intercom", "1")
	b.Facts = append(b.Facts, schema.FactRow{Version: 1, ConversionFact: &schema.ConversionFact{
		Id: id[:], Workspace: workspace, Name: "intercom_conversation", Provider: "intercom", ExternalId: "1", Node: string(email), Value: 10, Currency: "EUR",
		At: int64(begin.Add(90 * time.Minute)), Page: "https://" + name + ".example/pricing", State: "open",
	}})
	return b
}

// ask sends a question as somebody, and gives the answer or the engine's refusal.
func (o *office) ask(t *testing.T, user, question string, settings map[string]string) (answer string, ok bool) {
	t.Helper()
	parameters := url.Values{"database": {views}}
	for name, value := range settings {
		parameters.Set(name, value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+o.engine.HTTPAddr()+"/?"+parameters.Encode(), strings.NewReader(question))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(user, password(user))
	if user == embedded.WriterUser {
		r.SetBasicAuth(user, o.engine.Password())
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text)), w.StatusCode == http.StatusOK
}

func (o *office) must(t *testing.T, user, question string) string {
	t.Helper()
	answer, ok := o.ask(t, user, question, nil)
	if !ok {
		t.Fatalf("%s asks %s: %s", user, question, answer)
	}
	return answer
}

// wanted is how many rows each view has of one workspace.
func wanted() map[string]int {
	return map[string]int{
		"contacts": 1, "contact_details": 1, "sessions": 3, "conversions": 2, "conversations": 1, "touchpoints": 3, "channel_daily": 1, "funnel_steps": 4,
	}
}

// TestBI looks at the views with everybody's eyes, and by the clients that tools are built on.
func TestBI(t *testing.T) {
	o := openOffice(t)
	for name, look := range map[string]func(*testing.T){
		"nobody reads another workspace": o.nobodyReadsAnotherWorkspace, "every view says what it is": o.everyViewSaysWhatItIs,
		"views say what reports say": o.viewsSayWhatReportsSay, "handshakes": o.handshakes,
		"statements for a server are understood": o.statementsForAServerAreUnderstood,
		"client for Node":                        o.nodeReads, "client for Python": o.pythonReads, "client for JDBC": o.jdbcReads,
	} {
		t.Run(name, look)
	}
}

// nobodyReadsAnotherWorkspace: each sees their own rows in every view, and nothing else in any way that was thought of.
func (o *office) nobodyReadsAnotherWorkspace(t *testing.T) {
	t.Helper()
	for _, who := range []struct{ user, own, foreign, workspace string }{{"ann", "alphaco", "omegaco", "1"}, {"ben", "omegaco", "alphaco", "2"}, {"carl", "alphaco", "omegaco", "1"}} {
		for view, rows := range wanted() {
			if view == migrations.DetailsView && who.user != "carl" {
				if answer, ok := o.ask(t, who.user, "SELECT * FROM "+view, nil); ok {
					t.Errorf("%s reads who contacts are: %s", who.user, answer)
				}
				continue
			}
			if got := o.must(t, who.user, "SELECT count(), min(workspace), max(workspace) FROM "+view); got != fmt.Sprintf("%d\t%s\t%s", rows, who.workspace, who.workspace) {
				t.Errorf("%s reads of %s (count, workspaces) %q, want %d rows of %s", who.user, view, got, rows, who.workspace)
			}
			text := o.must(t, who.user, "SELECT * FROM "+view)
			if strings.Contains(text, who.foreign) {
				t.Errorf("%s reads of another workspace in %s: %s", who.user, view, text)
			}
			if who.user != "carl" && strings.Contains(text, "ada@") {
				t.Errorf("%s reads an email in %s: %s", who.user, view, text)
			}
		}
		o.breakIn(t, who.user, who.foreign)
	}
}

// breakIn tries ways around the filters and rights.
func (o *office) breakIn(t *testing.T, user, foreign string) {
	t.Helper()
	for _, question := range []string{
		"SELECT * FROM sessions WHERE workspace IN (1, 2) OR 1", "SELECT * FROM merge('bi', '.*')", "SELECT * FROM (SELECT * FROM conversions) WHERE 1",
		"SELECT a.* FROM contacts AS a CROSS JOIN contacts AS b", "SELECT * FROM view(SELECT * FROM bi.sessions)",
		"SELECT * FROM sessions SETTINGS allow_experimental_analyzer = 0", "EXPLAIN SYNTAX SELECT * FROM sessions",
		"SELECT create_table_query FROM system.tables", "SELECT * FROM system.query_log", "SELECT * FROM system.processes",
		"SELECT * FROM merge('sourceloop', '.*')", "SELECT * FROM cluster('default', sourceloop.sessions)",
	} {
		if answer, ok := o.ask(t, user, question, nil); ok && strings.Contains(answer, foreign) {
			t.Errorf("%s reads of another workspace by %s: %s", user, question, answer)
		}
	}
	for _, question := range []string{
		"SELECT count() FROM sourceloop.sessions", "SELECT count() FROM sourceloop.journeys", "SELECT count() FROM sourceloop.journey_items",
		"SELECT count() FROM sourceloop.journey_changes", "SELECT count() FROM sourceloop.conversions_now", "SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')",
		"SELECT * FROM file('users.xml', RawBLOB)", "SELECT * FROM remote('127.0.0.1', sourceloop.sessions)", "INSERT INTO sessions SELECT * FROM sessions",
		"CREATE TABLE bi.x (a Int8) ENGINE = Memory", "DROP VIEW bi.sessions", "ALTER USER " + user + " IDENTIFIED BY 'x'", "SET readonly = 0",
		"SELECT * FROM system.users", "SELECT * FROM system.row_policies", "SYSTEM SHUTDOWN", "CREATE FUNCTION f AS (a) -> a", "KILL QUERY WHERE 1",
		"SELECT 1 SETTINGS max_memory_usage = 100000000000",
	} {
		if answer, ok := o.ask(t, user, question, nil); ok {
			t.Errorf("%s may %s: %s", user, question, answer)
		}
	}
}

// everyViewSaysWhatItIs: the views and all of their columns have comments, and types that every tool shows.
func (o *office) everyViewSaysWhatItIs(t *testing.T) {
	t.Helper()
	if got := o.must(t, "carl", "SELECT name FROM system.tables WHERE database = 'bi' AND comment = '' ORDER BY name"); got != "" {
		t.Errorf("views without a comment: %s", got)
	}
	if got := o.must(t, "carl", "SELECT table, name, type FROM system.columns WHERE database = 'bi' AND (comment = '' OR match(type, 'Map|Array|Tuple|AggregateFunction|FixedString|LowCardinality|Enum'))"); got != "" {
		t.Errorf("columns without a comment or of a type that tools do not show:\n%s", got)
	}
	names := strings.Fields(o.must(t, "carl", "SELECT name FROM system.tables WHERE database = 'bi'"))
	slices.Sort(names)
	if all := slices.Sorted(slices.Values(migrations.Views())); !slices.Equal(names, all) {
		t.Errorf("the views are %v, not %v", names, all)
	}
}

// viewsSayWhatReportsSay: a row of each, by its columns.
func (o *office) viewsSayWhatReportsSay(t *testing.T) {
	t.Helper()
	for question, want := range map[string]string{
		"SELECT has_email, has_phone, conversions, value, first_source, last_source FROM contacts":                                      "true\tfalse\t1\t10\talphaco-source\talphaco-source",
		"SELECT countIf(contact_id != ''), sum(page_views) FROM sessions":                                                               "2\t3",
		"SELECT name, value, currency, touches, last_channel, pages_before FROM conversions WHERE name != 'contact'":                    "intercom_conversation\t10\tEUR\t2\tPaid Search\t2",
		"SELECT provider, conversation_id, state, page, source FROM conversations":                                                      "intercom\t1\topen\thttps://alphaco.example/pricing\talphaco-source",
		"SELECT sum(linear_share), sum(value), countIf(is_first), countIf(is_last) FROM touchpoints WHERE conversion_name != 'contact'": "1\t10\t1\t1",
		"SELECT channel, source, sessions, visitors, conversions, value FROM channel_daily":                                             "Paid Search\talphaco-source\t3\t2\t1\t10",
		"SELECT type, count(), any(path) FROM funnel_steps GROUP BY type ORDER BY type":                                                 "conversion\t1\t\npageview\t3\t/pricing",
	} {
		if got := o.must(t, "ann", question); got != want {
			t.Errorf("%s gives %q, want %q", question, got, want)
		}
	}
	if got := o.must(t, "carl", "SELECT email, name FROM contact_details"); got != "ada@alphaco.example\tAda of alphaco" {
		t.Errorf("contact_details gives %q", got)
	}
}

// handshakes: whatever BI tools ask when they connect is answered, with the settings they send.
func (o *office) handshakes(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("testdata/handshakes/*.sql")
	if err != nil || len(files) != 3 {
		t.Fatalf("the tools are %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		settings := map[string]string{}
		var lines []string
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if name, value, found := strings.Cut(strings.TrimPrefix(line, "-- "), ": "); strings.HasPrefix(line, "-- ") && found && !strings.Contains(name, " ") {
				settings[name] = value
			}
			if line == "----" || !strings.HasPrefix(line, "--") {
				lines = append(lines, line)
			}
		}
		for question := range strings.SplitSeq(strings.Join(lines, "\n"), "\n----\n") {
			question = strings.NewReplacer("{db}", views, "{table}", "sessions").Replace(strings.TrimSpace(question))
			answer, ok := o.ask(t, "ann", question, settings)
			if !ok || answer == "" && !strings.Contains(question, "cloud_mode") {
				t.Errorf("%s: %s is answered with %q", filepath.Base(file), question, answer)
			}
			if strings.Contains(answer, "omegaco") && strings.Contains(question, "{") {
				t.Errorf("%s: %s tells of another workspace", filepath.Base(file), question)
			}
		}
	}
}

// statementsForAServerAreUnderstood: the engine that keeps users in a file cannot run them, but reads every one.
func (o *office) statementsForAServerAreUnderstood(t *testing.T) {
	t.Helper()
	user := migrations.BIUser{Name: "dora", PasswordHash: strings.Repeat("0f", 32), Workspace: 3}
	made, err := user.Statements(database)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := user.Removal(database)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range slices.Concat(made, gone) {
		answer := o.must(t, embedded.WriterUser, "SELECT formatQuerySingleLine('"+strings.ReplaceAll(statement, "'", "\\'")+"')")
		if answer == "" {
			t.Errorf("%s is not understood", statement)
		}
	}
	policies := slices.DeleteFunc(slices.Clone(made), func(s string) bool { return !strings.Contains(s, "ROW POLICY") })
	grants := slices.DeleteFunc(slices.Clone(made), func(s string) bool { return !strings.Contains(s, "GRANT SELECT ON bi.") })
	if len(policies) != len(user.Views()) || len(grants) != len(policies) {
		t.Errorf("%d views have %d policies and %d grants", len(user.Views()), len(policies), len(grants))
	}
	for _, name := range []string{"", "a b", "a;DROP USER b", "1a", strings.Repeat("a", 65)} {
		user.Name = name
		if _, err := user.Statements(database); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
}

// seen is what a client saw of a view.
type seen struct {
	Comment string
	Columns map[string]string
	Rows    int
	Text    string
}

// checkSeen compares what a client saw with what there is.
func checkSeen(t *testing.T, output []byte) {
	t.Helper()
	var all map[string]seen
	if err := json.Unmarshal(output, &all); err != nil {
		t.Fatalf("the client said %s: %v", output, err)
	}
	want := wanted()
	delete(want, migrations.DetailsView)
	if !slices.Equal(slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("the client lists %v", slices.Sorted(maps.Keys(all)))
	}
	for view, rows := range want {
		v := all[view]
		if v.Comment == "" || v.Rows != rows || len(v.Columns) < 5 || strings.Contains(v.Text, "omegaco") || strings.Contains(v.Text, "ada@") {
			t.Errorf("the client sees of %s %+v, want %d rows of the first workspace", view, v, rows)
		}
		for column, comment := range v.Columns {
			if comment == "" {
				t.Errorf("the client sees no comment of %s.%s", view, column)
			}
		}
	}
}

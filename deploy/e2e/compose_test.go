package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"sourceloop/control/seal"
	"sourceloop/deploy/embedded"
	"sourceloop/deploy/ports"
	"sourceloop/deploy/servers/serverstest"
)

// compose is what this test reads of docker-compose.yml.
type compose struct {
	Services map[string]*service
	Volumes  map[string]any
}

type service struct {
	Image       string
	Build       *struct{ Context, Dockerfile string }
	Entrypoint  []string
	Command     []string
	Environment map[string]string
	User        string
	Volumes     []string
	Healthcheck struct{ Test []string }
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
}

func (s *service) ours() bool { return s.Build != nil }

var interpolated = regexp.MustCompile(`\$\{([A-Za-z_]+)(:[?-])?([^}]*)\}`)

// readCompose reads the file as docker compose does, with these variables.
func readCompose(t *testing.T, variables map[string]string) *compose {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	filled := interpolated.ReplaceAllFunc(text, func(match []byte) []byte {
		parts := interpolated.FindSubmatch(match)
		name, operator, otherwise := string(parts[1]), string(parts[2]), string(parts[3])
		value, set := variables[name]
		if operator != ":?" && otherwise != "" {
			t.Errorf("%s has the default %q: what differs from place to place has none", name, otherwise)
		}
		if !set && operator != ":-" {
			t.Errorf("%s is asked for, and this test does not know it", name)
		}
		return []byte(value)
	})
	file := &compose{}
	if err := yaml.Unmarshal(filled, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// composeVariables are those that docker compose must refuse to start without.
func composeVariables() map[string]string {
	return map[string]string{
		"POSTGRES_PASSWORD": "of-postgres", "CLICKHOUSE_PASSWORD": "of-clickhouse", "SOURCELOOP_KEYS": seal.NewKey(),
		"SOURCELOOP_PUBLIC_URL": "http://query.example", "SOURCELOOP_COLLECTOR_URL": "http://collect.example",
	}
}

var (
	pinned = regexp.MustCompile(`^[a-z0-9./-]+:v?[0-9]+(\.[0-9]+)+[a-z0-9.-]*$`)
	// A setting that is a secret, or an address with one in it, up to the secret.
	secret = regexp.MustCompile(`(?m)^ +\w*(?:PASSWORD|SECRET|KEYS): *(.*)$|://\w+:(.*)@`)
)

func TestComposeFileIsPinnedCheckedAndWithoutSecrets(t *testing.T) {
	file := readCompose(t, composeVariables())
	for name, s := range file.Services {
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s runs the image %q, which may be another one tomorrow", name, s.Image)
		}
		if len(s.Healthcheck.Test) < 2 || !strings.HasPrefix(s.Healthcheck.Test[0], "CMD") {
			t.Errorf("%s has no health check", name)
		}
		for other, on := range s.DependsOn {
			if file.Services[other] == nil || on.Condition != "service_healthy" {
				t.Errorf("%s waits for %s to be %q", name, other, on.Condition)
			}
		}
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if _, declared := file.Volumes[source]; !declared {
				t.Errorf("%s uses the volume %s, which is not declared", name, source)
			}
		}
	}
	for _, role := range []string{"collect", "pipeline", "query"} {
		s := file.Services[role]
		if s == nil || !s.ours() {
			t.Fatalf("there is no service %s", role)
		}
		equal(t, "role of the service "+role, s.Environment["SOURCELOOP_ROLES"], role)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	found := secret.FindAllStringSubmatch(string(text), -1)
	for _, match := range found {
		if !strings.HasPrefix(match[1]+match[2], "${") {
			t.Errorf("a secret is written down: %s", match[0])
		}
	}
	if len(found) < 6 {
		t.Errorf("only %d secrets were found to look at", len(found))
	}
}

// dockerfile is what matters of the image's recipe.
type dockerfile struct {
	bases      []string          // of its stages
	from       map[string]string // destination → source of what the last stage copies
	user       string
	entrypoint []string
	command    []string
	variables  map[string]string
}

func readDockerfile(t *testing.T, name string) dockerfile {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	d := dockerfile{from: map[string]string{}, variables: map[string]string{}}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		rest := strings.TrimSpace(strings.TrimPrefix(line, fields[0]))
		switch fields[0] {
		case "FROM":
			d.bases, d.from, d.user = append(d.bases, fields[1]), map[string]string{}, ""
		case "COPY":
			d.from[fields[len(fields)-1]] = fields[len(fields)-2]
		case "USER":
			d.user = rest
		case "ENV":
			key, value, _ := strings.Cut(rest, "=")
			d.variables[key] = value
		case "ENTRYPOINT":
			err = json.Unmarshal([]byte(rest), &d.entrypoint)
		case "CMD":
			err = json.Unmarshal([]byte(rest), &d.command)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return d
}

func TestImageIsPinnedAndRunsAsNobody(t *testing.T) {
	for name, s := range readCompose(t, composeVariables()).Services {
		if !s.ours() {
			continue
		}
		d := readDockerfile(t, filepath.Join("..", "..", s.Build.Context, s.Build.Dockerfile))
		for _, base := range d.bases {
			if base != "scratch" && !pinned.MatchString(base) {
				t.Errorf("the image is built from %q, which may be another one tomorrow", base)
			}
		}
		if user, _, _ := strings.Cut(d.user, ":"); user == "" || user == "0" || user == "root" || s.User != "" {
			t.Errorf("%s runs as %q", name, d.user+s.User)
		}
		if len(d.entrypoint) == 0 || d.from[d.entrypoint[0]] == "" || path.Base(d.from[d.entrypoint[0]]) != "sourceloop" {
			t.Errorf("the entry point %v is not what was copied: %v", d.entrypoint, d.from)
		}
		if !slices.Equal(d.command, []string{"serve"}) {
			t.Errorf("by default it runs %v", d.command)
		}
		if len(s.Healthcheck.Test) < 3 || s.Healthcheck.Test[1] != d.entrypoint[0] {
			t.Errorf("the health check of %s runs %v, and the image has %v", name, s.Healthcheck.Test, d.entrypoint)
		}
		for _, volume := range s.Volumes {
			_, target, _ := strings.Cut(volume, ":")
			if d.from[target] == "" {
				t.Errorf("%s keeps %s, which the image does not have, so that nobody but root could write there", name, target)
			}
		}
	}
}

// inContainers is the world as the services see it, mapped to this machine.
type inContainers struct {
	names map[string]string // host:port in the file → here
	data  map[string]string // folder by service
}

// environment is a service's own, with the addresses of this machine.
func (c *inContainers) environment(name, listen string, s *service, image dockerfile) []string {
	all := append(environment(embedded.Engine{}), embedded.LibraryVariable+"=/there-is-none")
	set := map[string]string{}
	for key, value := range image.variables {
		set[key] = value
	}
	for key, value := range s.Environment {
		set[key] = value
	}
	for key, value := range set {
		for there, here := range c.names {
			value = strings.ReplaceAll(value, there, here)
		}
		switch key {
		case "SOURCELOOP_LISTEN":
			value = listen
		case "SOURCELOOP_DATA":
			value = c.data[name]
		case "SOURCELOOP_DRAIN_DELAY": // Until this test has seen it.
			value = "1h"
		}
		all = append(all, key+"="+value)
	}
	return all
}

func startEnginesOfCompose(t *testing.T, variables map[string]string) map[string]string {
	t.Helper()
	kafka, redis, clickhouse := serverstest.NewKafka(t), serverstest.Redis(t), serverstest.ClickHouse(t)
	dsn, err := url.Parse(clickhouse.DSN("sourceloop"))
	if err != nil {
		t.Fatal(err)
	}
	variables["CLICKHOUSE_PASSWORD"], _ = dsn.User.Password()
	settings, err := url.Parse(serverstest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"kafka:9092": kafka.Addr, "redis:6379": redis.Addr, "clickhouse:9000": clickhouse.Addr,
		"postgres:5432/sourceloop": settings.Host + settings.Path,
	}
}

func TestComposeServicesWorkAsTheyAreConfigured(t *testing.T) {
	variables := composeVariables()
	world := &inContainers{names: startEnginesOfCompose(t, variables), data: map[string]string{}}
	free, err := ports.Free(3)
	if err != nil {
		t.Fatal(err)
	}
	addr := map[string]string{}
	for i, role := range []string{"collect", "pipeline", "query"} {
		addr[role], world.data[role] = fmt.Sprintf("127.0.0.1:%d", free[i]), t.TempDir()
	}
	variables["SOURCELOOP_PUBLIC_URL"], variables["SOURCELOOP_COLLECTOR_URL"] = "http://"+addr["query"], "http://"+addr["collect"]
	file := readCompose(t, variables)
	running := map[string]*process{}
	for role, listen := range addr {
		s := file.Services[role]
		image := readDockerfile(t, filepath.Join("..", "..", s.Build.Context, s.Build.Dockerfile))
		command := image.command
		if s.Command != nil {
			command = s.Command
		}
		running[role] = startIn(t, world.environment(role, listen, s, image), append(image.entrypoint[1:], command...)...)
		t.Cleanup(running[role].kill)
		running[role].showOnFailure(t)
	}
	for role, listen := range addr {
		awaitStatus(t, "http://"+listen+"/readyz", http.StatusOK)
		s := file.Services[role]
		health := startIn(t, running[role].cmd.Env, s.Healthcheck.Test[2:]...)
		<-health.ended
		if health.err != nil {
			t.Errorf("%s is ready, and its health check ends with %v: %s", role, health.err, health.stderr)
		}
	}
	visitOnce(t, running["query"], addr)
	for role, p := range running {
		if left, err := os.ReadDir(world.data[role]); err != nil || role != "collect" && len(left) > 0 {
			t.Errorf("%s has no volume and keeps %v, %v", role, left, err)
		}
		p.tellToStop(t)
		awaitStatus(t, "http://"+addr[role]+"/readyz", http.StatusServiceUnavailable)
		health := startIn(t, p.cmd.Env, file.Services[role].Healthcheck.Test[2:]...)
		<-health.ended
		if health.err == nil {
			t.Errorf("%s stops, and its health check says that it is ready", role)
		}
		if err := p.terminate(t); err != nil {
			t.Errorf("%s ended with %v", role, err)
		}
	}
}

// visitOnce sends a page view to one service and finds it through another.
func visitOnce(t *testing.T, query *process, addr map[string]string) {
	t.Helper()
	until(t, "the one-time link", func() (bool, string) {
		return query.stdout.line("/sign-up?token=") != "", query.stdout.String()
	})
	s := &server{url: "http://" + addr["query"]}
	a := s.signUp(t, tokenOf(t, query.stdout.line("/sign-up?token=")), "compose")
	(&member{role: "collect", url: "http://" + addr["collect"]}).know(t, a)
	site := &account{url: "http://" + addr["collect"], siteKey: a.siteKey}
	site.collect(t, pageview(newVisitor(), time.Now().Add(-time.Minute), shop+"/?utm_source=container&utm_medium=email", ""))
	until(t, "the session", func() (bool, string) {
		report := get[attribution](t, a, "/api/v1/attribution?dimension=source")
		return report.row("container").Sessions == 1, fmt.Sprintf("%+v", report)
	})
}

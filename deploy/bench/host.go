package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/control"
	"sourceloop/control/seal"
	"sourceloop/deploy/embedded"
	"sourceloop/deploy/ports"
)

// siteKey is the public key of the workspace whose hits are sent.
const siteKey = "sl_bench"

// The Owner of the workspace, on this machine for the time of a run.
const (
	ownerEmail    = "owner@bench.example"
	ownerPassword = "only-for-this-run"
)

// host starts everything that takes part in a run, and ends it in reverse order.
type host struct {
	config  Config
	apiKey  string // of the workspace
	closers []func() error
}

func newHost(config Config) *host {
	var random [24]byte
	_, _ = rand.Read(random[:]) // Never fails.
	return &host{config: config, apiKey: "slk_" + hex.EncodeToString(random[:])}
}

func (h *host) onClose(f func() error) { h.closers = append(h.closers, f) }

func (h *host) close() error {
	var all []error
	for _, f := range slices.Backward(h.closers) {
		all = append(all, f())
	}
	h.closers = nil
	return errors.Join(all...)
}

// folder makes a folder of one part.
func (h *host) folder(name string) (string, error) {
	dir := filepath.Join(h.config.Dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("cannot make a folder: %w", err)
	}
	return dir, nil
}

// part starts one of our own parts as a process, and gives the address that it prints.
func (h *host) part(name string, arguments ...string) (*process, string, error) {
	p, err := launch(name, h.config.Executable, append([]string{PartCommand, name}, arguments...), nil)
	if err != nil {
		return nil, "", err
	}
	h.onClose(p.close)
	address, err := p.line()
	return p, address, err
}

// kafka starts the embedded broker in a process of its own.
func (h *host) kafka(name string) (string, error) {
	dir, err := h.folder(name)
	if err != nil {
		return "", err
	}
	_, address, err := h.part(PartKafka, "--data", dir)
	return address, err
}

// database is the ClickHouse of a run.
type database struct {
	server *embedded.ClickHouse
	conn   driver.Conn
}

func (h *host) database(ctx context.Context) (*database, error) {
	dir, err := h.folder("clickhouse")
	if err != nil {
		return nil, err
	}
	server, err := embedded.StartClickHouse(ctx, embedded.ClickHouseConfig{Dir: dir, Log: h.config.Log})
	if err != nil {
		return nil, err
	}
	h.onClose(server.Close)
	options, err := clickhouse.ParseDSN(server.DSN("default"))
	if err != nil {
		return nil, fmt.Errorf("cannot read ClickHouse's address: %w", err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, fmt.Errorf("cannot reach ClickHouse: %w", err)
	}
	h.onClose(conn.Close)
	return &database{server: server, conn: conn}, nil
}

// in opens a connection to one database.
func (d *database) in(name string) (driver.Conn, error) {
	options, err := clickhouse.ParseDSN(d.server.DSN(name))
	if err != nil {
		return nil, fmt.Errorf("cannot read ClickHouse's address: %w", err)
	}
	return clickhouse.Open(options)
}

// cpu is the processor time that ClickHouse took so far.
func (d *database) cpu() (time.Duration, error) { return cpuOf(d.server.Pid()) }

// product is a running "sourceloop serve".
type product struct {
	*process
	url      string
	address  string
	debug    string // where it serves profiles, "" for nowhere
	profiles string // folder for them
}

// serve starts the product with these roles on a folder in which the workspace was made, and waits until it is ready.
func (h *host) serve(ctx context.Context, dir, roles string, settings ...string) (*product, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return h.serveAt(ctx, address, dir, roles, settings...)
}

// serveAt is serve on an address that others were told.
func (h *host) serveAt(ctx context.Context, address, dir, roles string, settings ...string) (*product, error) {
	arguments := []string{"--log-level", "warn", "serve", "--roles", roles, "--listen", address, "--data", dir}
	debug := ""
	if h.config.Profiles != "" {
		var err error
		if debug, err = freeAddress(); err != nil {
			return nil, err
		}
		arguments = append(arguments, "--debug", debug)
	}
	p, err := launch("serve "+roles, h.config.Executable, arguments, settings)
	if err != nil {
		return nil, err
	}
	h.onClose(p.close)
	product := &product{process: p, url: "http://" + address, address: address, debug: debug, profiles: h.config.Profiles}
	go func() { _, _ = io.Copy(io.Discard, p.stdout) }() // It prints nothing that we need.
	return product, until(ctx, "the product to be ready", 20*time.Millisecond, func() (bool, error) {
		select {
		case <-p.ended:
			return false, p.failure(errors.New("it ended"))
		default:
		}
		return answers(ctx, product.url+"/readyz"), nil
	})
}

func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// metric reads one of the product's metrics, 0 while there is none.
func (p *product) metric(ctx context.Context, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, p.failure(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, p.failure(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, nil
}

// workspace makes the settings of a workspace with the site key in a folder that serve is to be started on.
func (h *host) workspace(ctx context.Context, name string) (dir string, err error) {
	if dir, err = h.folder(name); err != nil {
		return "", err
	}
	keys, err := seal.OpenFile(filepath.Join(dir, "keys"))
	if err != nil {
		return "", err
	}
	store, err := control.Open(ctx, "sqlite:"+filepath.Join(dir, "settings.db"), control.Options{Keys: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	owner, err := store.CreateOwner(ctx, control.NewAccount{
		Email: ownerEmail, Password: ownerPassword,
		Workspace: control.NewWorkspace{Name: "Bench", Zone: "UTC", Currency: "EUR", SiteKey: siteKey},
	})
	if err != nil {
		return "", err
	}
	_, err = store.CreateAPIKey(ctx, owner, control.NewAPIKey{Name: "bench", Role: control.Owner, Token: h.apiKey})
	return dir, err
}

// freeAddress is one on loopback that nobody listens on.
func freeAddress() (string, error) {
	free, err := ports.Free(1)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(free[0])), nil
}

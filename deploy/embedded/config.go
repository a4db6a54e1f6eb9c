package embedded

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed config.xml.tmpl users.xml.tmpl
var templates embed.FS

// Names of the two users that every run has, each with a password of its own for that run.
const (
	WriterUser = "sourceloop"        // May do everything except managing users.
	ReaderUser = "sourceloop_reader" // May select from tables; no url(), file() or remote().
)

// layout is what the folder of the embedded ClickHouse holds.
type layout struct{ dir string }

func (l layout) data() string   { return filepath.Join(l.dir, "data") }
func (l layout) config() string { return filepath.Join(l.dir, "config.xml") }
func (l layout) users() string  { return filepath.Join(l.dir, "users.xml") }

// empty is where the child runs: clickhouse-local loads a config.xml of its working directory.
func (l layout) empty() string { return filepath.Join(l.dir, "empty") }

// credentials are made anew for every run, so that a client can't talk to a server of another run on the same port,
// unless somebody chose the writer's.
type credentials struct{ writer, reader string }

func newCredentials(writer string) credentials {
	return credentials{writer: orElse(writer, rand.Text()), reader: rand.Text()}
}

// configuration is what the templates of the two configuration files need.
type configuration struct {
	Data, Users       string
	Host              string
	TCPPort, HTTPPort int
	MaxMemory, Cache  int64 // Bytes.
	LogLevel          string
	Local             bool // The engine is the library.

	Writer, Reader         string
	WriterHash, ReaderHash string // SHA-256 of the passwords, hexadecimal.

	Guests   []Guest
	Profiles []Profile
}

// write puts both files, readable by their owner only, where the layout has them.
func (c configuration) write(l layout) error {
	for name, path := range map[string]string{"config.xml.tmpl": l.config(), "users.xml.tmpl": l.users()} {
		if err := c.render(name, path); err != nil {
			return fmt.Errorf("cannot write the configuration of ClickHouse: %w", err)
		}
	}
	return nil
}

func (c configuration) render(name, path string) error {
	t, err := template.New(name).Funcs(template.FuncMap{"xml": xmlText}).ParseFS(templates, name)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, c); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}

func xmlText(s string) (string, error) {
	var out bytes.Buffer
	err := xml.EscapeText(&out, []byte(s))
	return out.String(), err
}

func sha256Hex(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

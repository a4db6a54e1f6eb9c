package servers

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/deploy/ports"
)

//go:embed kafka/pom.xml kafka/server.properties
var recipes embed.FS

// KafkaConfig says how to run an Apache Kafka. Nothing is needed.
type KafkaConfig struct {
	Dir    string // Folder of its own; a fresh temporary one when empty.
	Jars   string // Folder of its jars; what FindKafka finds when empty.
	Memory string // Of Java's heap, as -Xmx takes it; 512m when empty.

	// Advertised is where the broker sends clients that have found it, as
	// host:port: a proxy in front of it. Its own address when empty.
	Advertised string

	// Session is after how long a broker that says nothing counts as dead; 9
	// seconds when 0. After a kill it takes that long until it may come back; a
	// busy machine makes a broker silent for some seconds.
	Session time.Duration
}

// Kafka is one broker of Apache Kafka that is its own controller.
type Kafka struct {
	*Process
	Addr string // host:port to bootstrap from
}

// StartKafka formats the folder where that is needed and starts the broker, which
// takes some seconds. Topics are made by who uses them.
func StartKafka(ctx context.Context, config KafkaConfig) (*Kafka, error) {
	java, err := kafkaJava(&config)
	if err != nil {
		return nil, err
	}
	free, err := ports.Free(2)
	if err != nil {
		return nil, err
	}
	folder, err := newFolder(config.Dir, "kafka")
	if err != nil {
		return nil, err
	}
	properties := folder.in("server.properties")
	run := func(class string, args ...string) *exec.Cmd {
		cmd := exec.Command(java, append([]string{
			"-Xmx" + config.Memory, "-Xms64m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
			"-cp", filepath.Join(config.Jars, "*"), class,
		}, args...)...)
		cmd.Dir = folder.path
		return cmd
	}
	k := &Kafka{Addr: address(free[0])}
	k.Process = &Process{spec: spec{
		name: "kafka", folder: folder, stop: sigterm, ready: k.ping,
		command: func() *exec.Cmd { return run("kafka.Kafka", properties) },
	}}
	if config.Advertised == "" {
		config.Advertised = k.Addr
	}
	settings := map[string]any{
		"Data": folder.in("data"), "Port": free[0], "ControllerPort": free[1], "Advertised": config.Advertised,
		"Session": config.Session.Milliseconds(),
	}
	if err := formatKafka(folder, properties, settings, run); err != nil {
		return nil, errors.Join(err, folder.remove())
	}
	return started(ctx, k, k.Process)
}

// kafkaJava completes the configuration and gives the path of java.
func kafkaJava(config *KafkaConfig) (java string, err error) {
	if config.Memory == "" {
		config.Memory = "512m"
	}
	if config.Session == 0 {
		config.Session = 9 * time.Second
	}
	if config.Jars == "" {
		if config.Jars, err = FindKafka("."); err != nil {
			return "", err
		}
	}
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return filepath.Join(home, "bin", "java"), nil
	}
	return lookUp("Debian's package default-jre-headless brings it", "java")
}

// formatKafka gives the broker its properties and, in a fresh folder, its storage.
func formatKafka(folder *folder, properties string, settings map[string]any, run func(class string, args ...string) *exec.Cmd) error {
	recipe, err := template.ParseFS(recipes, "kafka/server.properties")
	if err != nil {
		return fmt.Errorf("cannot configure kafka: %w", err)
	}
	var text bytes.Buffer
	if err := recipe.Execute(&text, settings); err != nil {
		return fmt.Errorf("cannot configure kafka: %w", err)
	}
	if err := os.WriteFile(properties, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("cannot configure kafka: %w", err)
	}
	if _, err := os.Stat(filepath.Join(folder.in("data"), "meta.properties")); err == nil {
		return nil
	}
	cmd := run("kafka.tools.StorageTool", "format", "-t", clusterID(), "--standalone", "-c", properties)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot format the folder of kafka: %w: %s", err, out)
	}
	return nil
}

// clusterID is 16 random bytes as Kafka writes them. It may not begin with a dash.
func clusterID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // It never fails.
	id[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(id)
}

func (k *Kafka) ping(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Addr))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, pingPatience)
	defer cancel()
	return client.Ping(ctx)
}

// FindKafka gives the folder of the jars that "make kafka" fetched, in the
// .cache of the repository that dir is in.
func FindKafka(dir string) (string, error) {
	version, err := kafkaVersion()
	if err != nil {
		return "", err
	}
	root, err := moduleRoot(dir)
	if err != nil {
		return "", err
	}
	jars := filepath.Join(root, ".cache", "kafka", version)
	if _, err := os.Stat(filepath.Join(jars, "jars.sha256")); err != nil {
		return "", fmt.Errorf("cannot run Apache Kafka %s, its jars are %w; with Java 17 and Maven there, \"make kafka\" fetches them", version, ErrMissing)
	}
	return jars, nil
}

func kafkaVersion() (string, error) {
	text, err := recipes.ReadFile("kafka/pom.xml")
	if err != nil {
		return "", fmt.Errorf("cannot read which Kafka it is: %w", err)
	}
	var pom struct {
		Version string `xml:"properties>kafka.version"`
	}
	if err := xml.Unmarshal(text, &pom); err != nil || pom.Version == "" {
		return "", fmt.Errorf("cannot read which Kafka it is: pom.xml does not say: %w", err)
	}
	return pom.Version, nil
}

// moduleRoot is the folder of go.mod, at dir or above it.
func moduleRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("cannot find the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("cannot find the repository, so what it fetched is %w; run this inside of it", ErrMissing)
		}
		dir = parent
	}
}

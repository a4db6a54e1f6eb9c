package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/deploy/embedded"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
)

// engineFlags say where the engines are; an empty address means embedded.
type engineFlags struct {
	Kafka      []string      `help:"Addresses of Kafka brokers; embedded when empty." env:"SOURCELOOP_KAFKA" placeholder:"HOST:PORT"`
	Redis      []string      `help:"Addresses of Redis, several for a cluster; embedded when empty." env:"SOURCELOOP_REDIS" placeholder:"HOST:PORT"`
	ClickHouse string        `name:"clickhouse" help:"ClickHouse as clickhouse://user:password@host:9000/database; embedded when empty." env:"SOURCELOOP_CLICKHOUSE" placeholder:"DSN"`
	Database   string        `help:"Settings database as postgres://…; SQLite in the data folder when empty." env:"SOURCELOOP_DATABASE" placeholder:"DSN"`
	BIPort     int           `name:"bi-port" help:"Port of the embedded ClickHouse's HTTP interface on 127.0.0.1, where BI tools read; a free one when 0." env:"SOURCELOOP_BI_PORT" default:"0"`
	NoSync     bool          `help:"Let the embedded Kafka acknowledge before it is on the disk: survives a kill, not a loss of power." env:"SOURCELOOP_NO_SYNC"`
	Session    time.Duration `name:"kafka-session-timeout" help:"After how long a silent process loses its partitions to others; within the broker's group.min and group.max.session.timeout.ms." default:"45s" env:"SOURCELOOP_KAFKA_SESSION_TIMEOUT"`
}

// databaseName is the product's database on the embedded ClickHouse.
const databaseName = "sourceloop"

// clickhouseAddress is where the sink and the reports go.
type clickhouseAddress struct {
	addrs                    []string
	database, user, password string
}

// engineSet says which engines a command needs.
type engineSet uint8

const (
	needDatabase engineSet = 1 << iota
	needClickHouse
	needRedis
	needKafka

	needAll = needDatabase | needClickHouse | needRedis | needKafka
)

// engines are the services the product stands on, embedded or outside.
type engines struct {
	kafka        []string
	topicConfigs map[string]*string
	redis        []string
	clickhouse   clickhouseAddress
	database     string
	trimming     bool
	guests       []migrations.BIUser // whom the embedded ClickHouse knows
	embedded     addresses           // of those that run in this process
	failed       chan error          // an embedded engine ended by itself
	closers      []func() error
	log          *slog.Logger
}

// startEngines starts those engines of a set that are embedded, in the order in
// which they are needed, and leaves their addresses in the folder.
func startEngines(ctx context.Context, need engineSet, flags engineFlags, dir string, log *slog.Logger) (*engines, error) {
	e := &engines{failed: make(chan error, 1), log: log}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, schema.E("start", schema.KindInvalid, "The data folder %s cannot be made (%v). Choose another one with --data.", dir, err)
	}
	release, err := embedded.LockFolder(dir)
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, func() error { release(); return nil })
	if err := e.start(ctx, need, flags, dir); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *engines) start(ctx context.Context, need engineSet, flags engineFlags, dir string) error {
	if err := forgetAddresses(dir); err != nil { // A process that was killed left them.
		return err
	}
	for _, engine := range []struct {
		set   engineSet
		start func(context.Context, engineFlags, string) error
	}{
		{needDatabase, e.startDatabase}, {needClickHouse, e.startClickHouse}, {needRedis, e.startRedis}, {needKafka, e.startKafka},
	} {
		if need&engine.set == 0 {
			continue
		}
		if err := engine.start(ctx, flags, dir); err != nil {
			return err
		}
	}
	e.closers = append(e.closers, func() error { return forgetAddresses(dir) })
	return e.embedded.write(dir)
}

// Close stops the embedded engines in reverse order.
func (e *engines) Close() error {
	var all []error
	for i := len(e.closers) - 1; i >= 0; i-- {
		all = append(all, e.closers[i]())
	}
	e.closers = nil
	return errors.Join(all...)
}

func (e *engines) startDatabase(_ context.Context, flags engineFlags, dir string) error {
	e.database = flags.Database
	if e.database == "" {
		e.database = "sqlite:" + filepath.Join(dir, "settings.db")
	}
	return nil
}

func (e *engines) startClickHouse(ctx context.Context, flags engineFlags, dir string) error {
	if flags.ClickHouse != "" {
		address, err := parseClickHouse(flags.ClickHouse)
		e.clickhouse = address
		return err
	}
	e.log.Info("starting the embedded ClickHouse")
	config := embedded.ClickHouseConfig{Dir: filepath.Join(dir, "clickhouse"), HTTPPort: flags.BIPort, Log: e.log}
	var err error
	if e.guests, err = inviteBI(&config, dir); err != nil {
		return err
	}
	server, err := embedded.StartClickHouse(ctx, config)
	if err != nil {
		return err
	}
	e.closers = append(e.closers, server.Close)
	go func() {
		<-server.Done()
		if err := server.Err(); err != nil {
			e.failed <- err
		}
	}()
	e.embedded.ClickHouse = server.DSN(databaseName)
	e.embedded.BI = "http://" + server.HTTPAddr()
	address, err := parseClickHouse(e.embedded.ClickHouse)
	e.clickhouse = address
	return err
}

func parseClickHouse(dsn string) (clickhouseAddress, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "clickhouse" || u.Host == "" {
		return clickhouseAddress{}, schema.E("start", schema.KindInvalid,
			"SOURCELOOP_CLICKHOUSE is not an address of the form clickhouse://user:password@host:9000/database.")
	}
	password, _ := u.User.Password()
	database := strings.Trim(u.Path, "/")
	if database == "" {
		database = "sourceloop"
	}
	return clickhouseAddress{addrs: strings.Split(u.Host, ","), database: database, user: u.User.Username(), password: password}, nil
}

func (e *engines) startRedis(ctx context.Context, flags engineFlags, _ string) error {
	if e.redis = flags.Redis; len(e.redis) > 0 {
		return nil
	}
	server, err := embedded.StartRedis(ctx, embedded.RedisConfig{})
	if err != nil {
		return err
	}
	e.embedded.Redis = server.Addr()
	e.redis = []string{server.Addr()}
	e.closers = append(e.closers, server.Close)
	return nil
}

func (e *engines) startKafka(ctx context.Context, flags engineFlags, dir string) error {
	if e.kafka = flags.Kafka; len(e.kafka) > 0 {
		return nil
	}
	if flags.NoSync {
		e.log.Warn("the embedded Kafka acknowledges before it is on the disk: a loss of power can lose what was acknowledged")
	}
	broker, err := embedded.StartKafka(ctx, embedded.KafkaConfig{Dir: filepath.Join(dir, "kafka"), Sync: !flags.NoSync, Log: e.log})
	if err != nil {
		return err
	}
	e.embedded.Kafka = broker.Addr()
	e.kafka, e.topicConfigs, e.trimming = []string{broker.Addr()}, embedded.KafkaTopicConfigs(), true
	e.closers = append(e.closers, broker.Close)
	return nil
}

// trim frees the embedded Kafka of what every reader has finished with.
func (e *engines) trim(ctx context.Context, groups map[string][]string) error {
	if !e.trimming {
		<-ctx.Done()
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(e.kafka...))
	if err != nil {
		return fmt.Errorf("cannot reach the embedded Kafka: %w", err)
	}
	defer client.Close()
	return embedded.NewTrimmer(embedded.TrimmerConfig{Admin: kadm.NewClient(client), Groups: groups,
		Keep: map[string]time.Duration{schema.TopicDead: schema.Kept}, Log: e.log}).Run(ctx)
}

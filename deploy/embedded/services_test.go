package embedded_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"sourceloop/deploy/embedded"
	"sourceloop/deploy/embedded/embeddedtest"
)

func folderSize(t *testing.T, dir string) int64 {
	t.Helper()
	var size int64
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if os.IsNotExist(err) { // The trimmer was faster.
			return nil
		}
		if err != nil {
			return err
		}
		size += info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

func TestLockFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	release, err := embedded.LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = embedded.LockFolder(dir)
	if err == nil {
		t.Fatal("the folder was locked twice")
	}
	for _, words := range []string{dir, "another sourceloop is running", "--data"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q does not say %q", err, words)
		}
	}
	release()
	release()
	again, err := embedded.LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestLockFolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.LockFolder(filepath.Join(file, "data")); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("error %v, want it to say what to do", err)
	}
}

func TestRedisRunsScriptsAndStartsCold(t *testing.T) {
	r, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	addr := r.Addr()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	script := redis.NewScript(`redis.call("HSET", KEYS[1], ARGV[1], ARGV[2]); return redis.call("HLEN", KEYS[1])`)
	if n, err := script.Run(t.Context(), client, []string{"{h1}:visitor"}, "hit", "x").Int(); err != nil || n != 1 {
		t.Errorf("the script gave %d, %v; want 1", n, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	r, err = embedded.StartRedis(t.Context(), embedded.RedisConfig{Listen: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Addr() != addr {
		t.Errorf("listens on %s, want %s", r.Addr(), addr)
	}
	if keys, err := client.Keys(t.Context(), "*").Result(); err != nil || len(keys) != 0 {
		t.Errorf("keys %v, %v; want none", keys, err)
	}
	if _, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{Listen: addr}); err == nil || !strings.Contains(err.Error(), "another program listens on") {
		t.Errorf("error %v, want it to say that the port is in use", err)
	}
}

func TestServicesListenOnLoopbackOnly(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":0", "example.test:0", "[::]:0", "6379"} {
		if r, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{Listen: listen}); err == nil {
			t.Errorf("Redis listens on %q, as %s", listen, r.Addr())
		}
		if k, err := embedded.StartKafka(context.Background(), embedded.KafkaConfig{Dir: t.TempDir(), Listen: listen}); err == nil {
			t.Errorf("Kafka listens on %q, as %s", listen, k.Addr())
		}
	}
}

func TestHelpersGiveWorkingServices(t *testing.T) {
	produce(t, embeddedtest.Kafka(t), 3)
	client := redis.NewClient(&redis.Options{Addr: embeddedtest.Redis(t)})
	defer client.Close()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

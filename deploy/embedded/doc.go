// Package embedded runs Kafka, Redis and ClickHouse by themselves, for "sourceloop serve" with no addresses configured,
// for the demo, and for tests. Each is spoken to over its real protocol by the same clients as in production, so that
// replacing one by a real one is a change of an address and of nothing else.
//
// # The data folder
//
// One process at a time works on a data folder; LockFolder sees to that, and so does each service on its own folder.
// The operating system frees the lock when the process ends, however it ends. Everything listens on a loopback address
// only: Kafka and Redis know no passwords.
//
// # ClickHouse
//
// The engine is the real one, in a child process, the only child there is. FindEngine chooses it, in this order:
//
//   - a clickhouse binary on the PATH that is recent enough, run as "clickhouse server";
//   - the libchdb that SOURCELOOP_LIBCHDB names;
//   - libchdb.so beside the executable, in .cache/chdb/<version> beside the executable's folder (bin/sourceloop in the
//     repository, whose build fetches it), or in the user's cache folder (XDG_CACHE_HOME), under sourceloop/chdb/<version>.
//
// FetchLibrary makes npm fetch that library, and verifies it; only the command fetchchdb calls it. The program itself
// never downloads anything: without an engine it says which command to run.
//
// The parent starts its own binary with the hidden subcommand ChildCommand, which loads the library without cgo and
// calls the entry point of clickhouse-local with three queries: start listening for TCP, start listening for HTTP, and
// read from a pipe nobody writes to. That pipe is the child's standard input, whose other end the parent holds. When
// the parent closes it, or is killed, the last query ends and the engine with it, cleanly. A child that outlives a
// killed parent for a moment still holds its folder and ports; the next start waits for it. The engine's words for what
// went wrong come back through the child's standard error.
//
// The folder of ClickHouse holds:
//
//	lock         who works on it
//	config.xml   written anew at every start: ports, memory, small caches, no log tables
//	users.xml    written anew at every start: the users and the hashes of this run's passwords
//	empty/       working directory of the child, since the engine loads a config.xml that lies around there
//	data/        ClickHouse's own
//
// There are two users, WriterUser and ReaderUser, with random passwords made for each run: a client with the password of
// this run can't end up on another server that got the same port. The library insists on starting itself as the user
// default with no password. That user has no grants but those its three queries need, and a quota of three queries; so
// when the engine is up, signing in as default gives nobody more than "SELECT 1".
//
// # Kafka
//
// The broker is kfake, in this process, with its log on disk. It is good for one machine, with guards against what it
// is known to get wrong:
//
//   - A partition whose records were all deleted starts again at offset 0 after a restart, even after a clean one. So
//     its own retention is off (KafkaTopicConfigs), and Trimmer deletes instead: up to what all groups have committed,
//     and never the last record.
//   - It reads all segments into memory when it starts, so trimming is not optional. Whole segments go, so they are small.
//   - Without KafkaConfig.Sync, nothing is fsynced: a killed process loses nothing, a loss of power may.
//   - Its transactions are not atomic across a kill. Nothing here uses transactions.
//
// # Redis
//
// Redis is miniredis, in this process. It keeps nothing: an embedded start is the cold start that follows a loss of
// Redis in production. Its expiry does not run by itself, and nothing here relies on expiry.
package embedded

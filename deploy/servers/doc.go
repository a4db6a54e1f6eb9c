// Package servers starts the real servers that the product runs on in
// production, on loopback and in folders of their own: Apache Kafka, Redis,
// PostgreSQL, and ClickHouse as a server that is not ours. For tests, by way
// of serverstest, and for programs that kill things to see what comes of it.
//
// A server is a child process of the caller. It keeps its port and its folder
// from one start to the next, so that it can be stopped, killed and started
// again under clients that know one address:
//
//	kafka, err := servers.StartKafka(ctx, servers.KafkaConfig{})
//	defer kafka.Close()                 // stops it, and removes its folder
//	err = kafka.Kill()                  // SIGKILL, and waits for the end
//	err = kafka.Start(ctx)              // same port, same data
//	err = kafka.Pause(); kafka.Resume() // SIGSTOP, SIGCONT
//
// Ports come from below the range that systems give to outgoing connections:
// a port of a killed server must not become the near end of somebody's
// connection before the server is back. On Linux a server is killed when the
// process that started it ends in any way.
//
// What is missing on this machine gives an error that wraps ErrMissing and says
// what brings it.
//
// # Where they come from
//
// Kafka: the jars of kafka/pom.xml, which Maven copies ("make kafka") to
// .cache/kafka/<version> and which are compared with kafka/jars.sha256; Java 17
// runs them. Redis and PostgreSQL: Debian's packages, or any on the PATH.
// ClickHouse: what package embedded finds, as a process of its own.
package servers

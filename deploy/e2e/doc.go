// Package e2e holds the tests of the whole product: the built binary as a real
// process, spoken to over HTTP and through Chromium, as people and sites do.
//
// Each test says in its name what it shows. The binary is built once for a run
// of the tests. A demo is started with a folder of the test's own, is killed or
// stopped as the test wants, and is always gone at the end together with the
// ClickHouse that it started. What a process wrote to stderr is shown when its
// test fails.
//
// Tests that only need a connected demo share one (connected), and tell their
// visitors apart by names of their own.
//
// Roles as separate processes run on real servers (deploy/servers), behind a
// small balancer that asks /readyz and repeats nothing. HITS in the environment
// makes the test of the rolling restart as large as one has time for.
//
// ClickHouse's library, Chromium and the servers are found as the other tests
// find them: where one is missing the tests are skipped, unless REQUIRE names it.
//
// Screenshots of the screens that a test sees go to the folder that the
// environment variable SCREENSHOTS names, else to the test's artifacts.
package e2e

// Package chaos tries to lose or to double something. It runs the product as
// separate processes, two of each role, on real servers, lets load send traffic
// through the front door, and meanwhile kills, stops and cuts whatever there is:
//
//	report, err := chaos.Run(ctx, chaos.Config{Binary: "bin/sourceloop", For: 20 * time.Minute})
//	fmt.Println(report)
//
// prints, when all went well,
//
//	kills 163, acknowledged 171032, stored 171032, lost 0, twice 0
//
// # What it does
//
// A seed decides which fault comes after which, and how long after (fault.go):
// SIGKILL and SIGSTOP of collectors, pipelines, dashboards, the stand-in
// Intercom, Kafka, Redis, ClickHouse and PostgreSQL; connections that are cut,
// delayed, refused or swallowed on the way to each of them; Redis flushed, or
// started again with nothing or with an old snapshot; an Intercom that is slow,
// refuses, repeats and shuffles. Every collector and every pipeline that is
// started also gets a failpoint to run into. The machine decides the rest, so
// the same seed is the same plan, not the same history; that is kept in the
// folder when something is found.
//
// # What it counts
//
// A kill counts when its process had handled a record since its start: a
// collector has accepted a hit or a webhook, a pipeline has processed a record,
// or, for Kafka, Redis and ClickHouse, some process did so since they were
// started. Acknowledged is what load says was acknowledged, by id; stored is
// what of that ClickHouse has, read with FINAL; lost is the rest; twice are ids
// with more than one row. Then check compares every report and every contact
// with load's plan.
package chaos

// Package bench measures the product against plain alternatives, in the same run and on the same data.
//
// A Report has rows, of which each compares a rate of ours with a rate of a baseline: higher is better, and a row passes
// when the ratio reaches its target. Absolute figures, limits and costs are notes. The machine may be busy with other
// things, so both sides take turns several times, and medians are compared.
//
// # Who runs where
//
// What is measured is the product's own binary, as an operator starts it ("serve"). Everything else is kept out of its
// process: the broker, Redis, ClickHouse, the stand-in, the baselines. Those of them that are code of this module are
// hidden subcommands of the same binary (RunPart). They print their address, and end when their input does, so that
// nothing is left behind when a run is killed. Processor time is read from /proc, which needs Linux.
//
// # The areas
//
//   - collect: the processor time that requests cost the collector, acknowledged by Kafka; against an Echo handler that
//     answers 204 and does nothing else, in a server with the same settings.
//   - pipeline: how fast hits that lie in Kafka become sessions and contacts in ClickHouse; against a loop that polls,
//     decodes and inserts the hits alone (loop.go, sql/loop_hits.sql). And the sink alone; against row Append of
//     clickhouse-go into a table of the same make.
//   - identity: whose hits they are, asked as the pipeline asks; against a GET for every hit.
//   - freshness: how soon a hit's session is found by a query, and a chat's contact by the API, while traffic goes on.
//   - reports: attribution, funnels and Traffic on generated data in the product's own tables, sessions written by a
//     statement and credited by the product's own; against window functions and windowFunnel over plain tables with the
//     same rows. Paths, Content and Locations of 30 and of 90 days are notes ("places"), and
//     so is the funnel when eight ask at a time while sessions are written ("busy"). Statements and generators are
//     sql/reports_*.sql. A median of seven turns, the first one left out.
//
// Before anything is reported both sides must have the same answer: the same hits, the same rows, the same identities.
//
// # What the traffic is
//
// Visits of five hits to a shop (traffic.go): landing pages with UTM values and click ids, referrers, page views, events,
// every hundredth hit an identify, 13 user agents, two visits a visitor, a thousand visits side by side. A request with one
// hit is as the tracker sends it; one with 20 holds 20 visitors' hits, as a site's server forwards them.
package bench

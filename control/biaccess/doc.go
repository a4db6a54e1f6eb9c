// Package biaccess lets people read a workspace's views with BI tools, and takes
// that away again, for the command line and the dashboard.
//
// Where the users are kept depends on the ClickHouse. The embedded engine reads
// its users when it starts, from a file that is written out of bi.json in the
// data folder (File): that is the list, and whatever is changed in it holds from
// the next start (Folder). A server keeps users in SQL: the settings database has
// the list, and what is to be run there is run as the product's own user, or
// handed out for an administrator where that one may not manage users (Server).
//
// Names of users added in the dashboard begin with that of their workspace, w7_,
// so that nobody can take the place of another workspace's, or of the product's.
// Passwords are random, shown once and kept as their SHA-256.
package biaccess

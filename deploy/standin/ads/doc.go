// Package ads is what the stand-ins of advertising platforms have in common:
// one HTTP server with OAuth pages and tokens, the conversions that it took,
// the requests that it was asked, and the ways in which it was told to fail.
// A Platform adds its own endpoints, checks and words.
//
// It shares no code with the product, on purpose, so that a misreading is not
// made twice.
//
// # What every one is asked
//
//	GET,POST Platform.Authorize             the consent page, where the platform has one
//	POST Platform.Exchange, Platform.Revoke codes and refresh tokens become access tokens; tokens end
//	POST /standin/token {scopes}            an access token without the pages
//	GET  /standin/requests                  what it was asked
//	GET  /standin/accepted                  the conversions that count, and those that do not, with why
//	POST /standin/fault {kind, times, delay_ms}
//
// # What is kept
//
// Everything is in one SQLite file in the folder, and on disk before it is
// answered for. Of authorization codes and tokens it keeps the SHA-256 only; of
// people what was hashed before it came, and click identifiers. What came in
// plain becomes "(hidden)", in the request log too.
package ads

// Package linkedin connects LinkedIn for the Conversions API: 3-legged OAuth, the
// ad accounts that the person has a role on, and their conversion rules.
//
// Access lives for sixty days. It is renewed by itself where LinkedIn gave the
// app refresh tokens; where it did not, the card says in time to connect again.
// LinkedIn does not take a code challenge of apps that have a secret.
package linkedin

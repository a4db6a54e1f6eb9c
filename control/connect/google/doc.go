// Package google connects Google Ads for the Data Manager API: OAuth with PKCE,
// for one permission, and with a refresh token every time.
//
// The API has no question like “who am I”, and lists neither accounts nor
// conversion actions. So what a token opens is found out by asking for the status
// of a request that never was: that Google does not know it means that it let us
// ask. Whether an account is open shows when something is sent to it.
//
// Revoking at Google ends what the person granted to the app, in every workspace
// that the same person connected.
package google

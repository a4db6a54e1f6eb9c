package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sourceloop/schema"
)

type serveCommand struct {
	Roles  []string `help:"What this process does: collect, pipeline, query." default:"collect,pipeline,query" env:"SOURCELOOP_ROLES"`
	Listen string   `help:"Address to listen on." default:":8080" env:"SOURCELOOP_LISTEN"`
	SignUp bool     `name:"sign-up-link" help:"Print a one-time link that makes one more workspace, also when somebody has signed up."`
	Data   string   `help:"Folder of the embedded engines, the settings, the keys and the spool; each process needs its own." default:"data" env:"SOURCELOOP_DATA" type:"path"`

	engineFlags
	settingFlags
}

// settingFlags are what the product itself needs to know.
type settingFlags struct {
	PublicURL       string   `help:"Where browsers, Intercom and HubSpot reach this; by default the address listened on." env:"SOURCELOOP_PUBLIC_URL" placeholder:"URL"`
	CollectorURL    string   `help:"Where sites load the tracker from, when that is another address." env:"SOURCELOOP_COLLECTOR_URL" placeholder:"URL"`
	Keys            string   `help:"Keys that seal tokens, base64 of 32 bytes each, the sealing one first; by default a file in the data folder." env:"SOURCELOOP_KEYS" placeholder:"KEYS"`
	KeysFile        string   `help:"File with these keys." env:"SOURCELOOP_KEYS_FILE" type:"path" placeholder:"FILE"`
	GeoIP           string   `name:"geoip" help:"MaxMind database of countries." env:"SOURCELOOP_GEOIP" type:"path" placeholder:"FILE"`
	CountryHeader   string   `help:"Header in which a trusted proxy tells the country." env:"SOURCELOOP_COUNTRY_HEADER" placeholder:"NAME"`
	SpoolBytes      int64    `help:"How many bytes of hits and webhooks to keep in the data folder while Kafka does not acknowledge; then they are refused." default:"4294967296" env:"SOURCELOOP_SPOOL_BYTES" placeholder:"BYTES"`
	TrustedProxies  []string `help:"Networks of proxies whose X-Forwarded-For is believed." env:"SOURCELOOP_TRUSTED_PROXIES" placeholder:"CIDR"`
	ReportBytes     int64    `help:"How many bytes, before compression, one statement of a report may read; 0 for any number." default:"100000000000" env:"SOURCELOOP_REPORT_BYTES" placeholder:"N"`
	FunnelMemory    int      `help:"How many bytes a process keeps of what funnels read, for the next question about the same steps; 0 keeps nothing, which is needed where one address stands for several ClickHouse servers." default:"536870912" env:"SOURCELOOP_FUNNEL_MEMORY" placeholder:"N"`
	SessionMemory   int      `help:"How many bytes a process keeps of sessions of days that rest, for the next report of the same days; 0 keeps nothing, which is needed where one address stands for several ClickHouse servers." default:"1073741824" env:"SOURCELOOP_SESSION_MEMORY" placeholder:"N"`
	Nightly         string   `help:"Time of day, in UTC, at which hits that came too late are folded in, and sessions copied for funnels; off for never." default:"03:00" env:"SOURCELOOP_NIGHTLY" placeholder:"HH:MM"`
	PrivateWebhooks bool     `name:"private-webhooks" help:"Let outgoing webhooks go to private networks and to http addresses, for a closed network." env:"SOURCELOOP_PRIVATE_WEBHOOKS"`
	PrivatePages    bool     `name:"doctor-private-pages" help:"Let the doctor look at pages in private networks, where your own site is in one." env:"SOURCELOOP_DOCTOR_PRIVATE_PAGES"`

	DrainDelay time.Duration `help:"How long the process still serves after it was told to stop, while /readyz already says no: the time that a balancer needs to notice. A second signal ends it." default:"0s" env:"SOURCELOOP_DRAIN_DELAY"`

	Intercom intercomFlags `embed:"" prefix:"intercom-" envprefix:"SOURCELOOP_INTERCOM_"`
	HubSpot  hubspotFlags  `embed:"" prefix:"hubspot-" envprefix:"SOURCELOOP_HUBSPOT_"`
	Google   googleFlags   `embed:"" prefix:"google-" envprefix:"SOURCELOOP_GOOGLE_"`
	Meta     metaFlags     `embed:"" prefix:"meta-" envprefix:"SOURCELOOP_META_"`
	LinkedIn linkedinFlags `embed:"" prefix:"linkedin-" envprefix:"SOURCELOOP_LINKEDIN_"`
}

// hubspotFlags say where HubSpot is and who we are there.
type hubspotFlags struct {
	ClientID         string `help:"Client id of the app in HubSpot's developer project." env:"CLIENT_ID"`
	ClientSecret     string `help:"Its client secret, which also signs webhooks." env:"CLIENT_SECRET"`
	ClientSecretFile string `help:"File with the client secret." env:"CLIENT_SECRET_FILE" type:"path" placeholder:"FILE"`
	AuthorizeURL     string `help:"Consent page." env:"AUTHORIZE_URL" default:"https://app.hubspot.com/oauth/authorize"`
	APIURL           string `name:"api-url" help:"API." env:"API_URL" default:"https://api.hubapi.com"`
	InboxURL         string `help:"Where conversations reopen." env:"INBOX_URL" default:"https://app.hubspot.com"`
}

// intercomFlags say where Intercom is and who we are there.
type intercomFlags struct {
	ClientID         string `help:"Client id of the app in Intercom's Developer Hub." env:"CLIENT_ID"`
	ClientSecret     string `help:"Its client secret, which also signs webhooks." env:"CLIENT_SECRET"`
	ClientSecretFile string `help:"File with the client secret." env:"CLIENT_SECRET_FILE" type:"path" placeholder:"FILE"`
	AuthorizeURL     string `help:"Consent page." env:"AUTHORIZE_URL" default:"https://app.intercom.com/oauth"`
	APIURL           string `name:"api-url" help:"REST API." env:"API_URL" default:"https://api.intercom.io"`
	InboxURL         string `help:"Where conversations reopen." env:"INBOX_URL" default:"https://app.intercom.com"`
}

// Run serves until it is told to stop.
func (c *serveCommand) Run(ctx context.Context, log *slog.Logger) error {
	l, err := listen(c.Listen)
	if err != nil {
		return err
	}
	n, err := startNode(ctx, nodeConfig{
		roles: c.Roles, data: c.Data, listener: l, engines: c.engineFlags, settings: c.settingFlags,
	}, log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if err := n.offerSignUp(ctx, c.SignUp); err != nil {
		return errors.Join(err, n.close())
	}
	return n.run(ctx)
}

// offerSignUp prints a one-time link that makes a workspace and its Owner: on
// an empty database, or when the operator asks for one.
func (n *node) offerSignUp(ctx context.Context, asked bool) error {
	if !n.has(roleQuery) {
		return nil
	}
	empty, err := n.control.Empty(ctx)
	if err != nil || !empty && !asked {
		return err
	}
	first := "One more workspace"
	if empty {
		first = "Nobody has signed up yet"
	}
	token, err := n.control.NewSignUpLink(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%s. This link makes a workspace and its Owner; it works once, for a day:\n\n  %s/sign-up?token=%s\n\n", first, n.url, token)
	return err
}

// nodeConfig is what one process is to be.
type nodeConfig struct {
	roles    []string
	data     string
	listener net.Listener
	engines  engineFlags
	settings settingFlags
}

// url is where browsers reach the process when nothing else was said.
func (c *nodeConfig) url() string {
	if c.settings.PublicURL != "" {
		return strings.TrimSuffix(c.settings.PublicURL, "/")
	}
	host, port, err := net.SplitHostPort(c.listener.Addr().String())
	if err != nil {
		return "http://" + c.listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// parseNightly gives the time since midnight, less than zero for never.
func parseNightly(text string) (time.Duration, error) {
	switch text {
	case "":
		return 3 * time.Hour, nil
	case "off":
		return -1, nil
	}
	at, err := time.Parse("15:04", text)
	if err != nil {
		return 0, schema.E("serve", schema.KindInvalid, "%q is no time of day for SOURCELOOP_NIGHTLY. Write it as 03:00, in UTC, or off.", text)
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}

func (c *nodeConfig) keysFile() string {
	if c.settings.KeysFile != "" {
		return c.settings.KeysFile
	}
	return filepath.Join(c.data, "keys")
}

func (f *intercomFlags) secret() (string, error) {
	return secretOf("Intercom", f.ClientSecret, f.ClientSecretFile)
}

func (f *hubspotFlags) secret() (string, error) {
	return secretOf("HubSpot", f.ClientSecret, f.ClientSecretFile)
}

// secretOf reads a client secret from its file, where there is one.
func secretOf(title, given, file string) (string, error) {
	if file == "" {
		return given, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", schema.E("serve", schema.KindInvalid, "The file with %s's client secret can't be read: %v.", title, err)
	}
	return strings.TrimSpace(string(b)), nil
}

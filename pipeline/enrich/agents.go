package enrich

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/mileusna/useragent"
)

// Agent is what a user agent says about itself.
type Agent struct {
	Device  string // desktop, mobile, tablet, bot, or "" when it does not say
	Browser string // a name of a closed list, "Other", or "" without an agent
	OS      string // a name of a closed list, or ""
	Bot     bool   // a crawler, a tool or a browser under automation
}

// Agents reads user agents. It is safe for concurrent use and remembers the
// most recent ones, since a site's visitors share a few thousand.
type Agents struct {
	cache *lru.Cache[string, Agent]
}

const (
	rememberedAgents = 8192
	// MaxAgent is how many bytes of a user agent are kept.
	MaxAgent = 1024
)

// NewAgents makes a reader of user agents.
func NewAgents() *Agents {
	cache, _ := lru.New[string, Agent](rememberedAgents) // fails for sizes below 1 only
	return &Agents{cache: cache}
}

// Parse reads a user agent. Names come from closed lists, so that invented
// agents do not fill reports.
func (a *Agents) Parse(ua string) Agent {
	if ua == "" {
		return Agent{}
	}
	ua = cut(ua, MaxAgent)
	if agent, ok := a.cache.Get(ua); ok {
		return agent
	}
	ua = strings.Clone(ua) // It may be a part of something large, and the agent a part of it.
	agent := readAgent(ua)
	a.cache.Add(ua, agent)
	return agent
}

func readAgent(ua string) Agent {
	parsed := useragent.Parse(ua)
	lower := strings.ToLower(ua)
	agent := Agent{Device: device(&parsed, lower), Browser: browser(&parsed, ua), OS: system(parsed.OS)}
	if automated(lower) {
		// A real browser, driven by a program: its device is what it says.
		agent.Bot = true
		return agent
	}
	if name := bot(lower); name != "" || parsed.Bot {
		return Agent{Device: "bot", Browser: first(name, "Other bot"), OS: agent.OS, Bot: true}
	}
	return agent
}

func device(p *useragent.UserAgent, lower string) string {
	switch {
	// Android tablets leave out the word Mobile.
	case p.Tablet, p.OS == useragent.Android && !strings.Contains(lower, "mobile"):
		return "tablet"
	case p.Mobile:
		return "mobile"
	case p.Desktop:
		return "desktop"
	}
	return ""
}

func system(name string) string {
	switch name {
	case useragent.CrOS:
		return useragent.ChromeOS
	case useragent.Windows, useragent.WindowsPhone, useragent.Android, useragent.MacOS, useragent.IOS, useragent.Linux,
		useragent.FreeBSD, useragent.ChromeOS, useragent.BlackBerry, useragent.Harmony:
		return name
	}
	return ""
}

// browser prefers the app that shows the page: people in Instagram have come
// from Instagram, whatever engine draws it.
func browser(p *useragent.UserAgent, ua string) string {
	for _, app := range [][2]string{
		{"Instagram", "Instagram App"}, {"FBAN", "Facebook App"}, {"FBAV", "Facebook App"}, {"FB_IAB", "Facebook App"},
		{"LinkedInApp", "LinkedIn App"}, {"BytedanceWebview", "TikTok App"}, {"musical_ly", "TikTok App"}, {"TikTok", "TikTok App"},
		{"Snapchat", "Snapchat App"}, {"Pinterest/", "Pinterest App"}, {"[Pinterest", "Pinterest App"},
		{"Twitter for", "X App"}, {"TwitterAndroid", "X App"}, {"MicroMessenger", "WeChat App"}, {" Line/", "LINE App"},
		{"GSA/", "Google App"}, {"Slack_SSB", "Slack App"}, {"YaBrowser", "Yandex Browser"}, {"UCBrowser", "UC Browser"},
		{"DuckDuckGo", "DuckDuckGo"}, {"Ddg/", "DuckDuckGo"}, {"QQBrowser", "QQ Browser"}, {"Whale/", "Whale"}, {"Silk/", "Silk"},
		{"Brave", "Brave"}, {"Trident/", useragent.InternetExplorer}, {"HeadlessChrome", useragent.HeadlessChrome},
	} {
		if strings.Contains(ua, app[0]) {
			return app[1]
		}
	}
	switch p.Name {
	case useragent.Chrome, useragent.Firefox, useragent.Safari, useragent.Edge, useragent.Opera, useragent.OperaMini,
		useragent.OperaTouch, useragent.SamsungBrowser, useragent.InternetExplorer, useragent.Vivaldi,
		useragent.BlackBerry, "Android browser", "Huawei Browser", "Miui Browser":
		return p.Name
	}
	return "Other"
}

// automated tells browsers that a program drives.
func automated(lower string) bool {
	for _, mark := range []string{"headlesschrome", "phantomjs", "slimerjs", "puppeteer", "playwright", "selenium", "chrome-lighthouse", "cypress/"} {
		if strings.Contains(lower, mark) {
			return true
		}
	}
	return false
}

// bot names a crawler or a tool, "" for what is none. Names that matter are
// told apart; any other crawler gives itself away by a common word.
func bot(lower string) string {
	for _, known := range [][2]string{
		{"googlebot", "Googlebot"}, {"adsbot-google", "Google AdsBot"}, {"mediapartners-google", "Google AdSense"},
		{"google-inspectiontool", "Google Inspection Tool"}, {"bingbot", "Bingbot"}, {"bingpreview", "Bing Preview"},
		{"yandexbot", "YandexBot"}, {"baiduspider", "Baiduspider"}, {"duckduckbot", "DuckDuckBot"}, {"applebot", "Applebot"},
		{"gptbot", "GPTBot"}, {"chatgpt-user", "ChatGPT-User"}, {"oai-searchbot", "OAI-SearchBot"}, {"claudebot", "ClaudeBot"},
		{"claude-user", "Claude-User"}, {"perplexitybot", "PerplexityBot"}, {"perplexity-user", "Perplexity-User"}, {"ccbot", "CCBot"},
		{"bytespider", "Bytespider"}, {"amazonbot", "Amazonbot"}, {"meta-externalagent", "Meta"}, {"facebookexternalhit", "Facebook preview"},
		{"facebookcatalog", "Facebook catalog"}, {"twitterbot", "X preview"}, {"linkedinbot", "LinkedIn preview"}, {"slackbot", "Slack preview"},
		{"discordbot", "Discord preview"}, {"telegrambot", "Telegram preview"}, {"pinterestbot", "Pinterest"}, {"skypeuripreview", "Skype preview"},
		{"ahrefsbot", "AhrefsBot"}, {"semrushbot", "SemrushBot"}, {"mj12bot", "MJ12bot"}, {"dotbot", "DotBot"}, {"petalbot", "PetalBot"},
		{"uptimerobot", "UptimeRobot"}, {"pingdom", "Pingdom"}, {"statuscake", "StatusCake"}, {"datadog", "Datadog"}, {"newrelicpinger", "New Relic"},
		{"gtmetrix", "GTmetrix"}, {"pagespeed", "PageSpeed"}, {"curl/", "curl"}, {"wget/", "Wget"}, {"python-requests", "python-requests"},
		{"python-urllib", "Python"}, {"python/", "Python"}, {"aiohttp", "aiohttp"}, {"httpx", "httpx"}, {"scrapy", "Scrapy"},
		{"go-http-client", "Go"}, {"okhttp", "OkHttp"}, {"apache-httpclient", "Apache HttpClient"}, {"java/", "Java"},
		{"libwww-perl", "Perl"}, {"node-fetch", "Node.js"}, {"undici", "Node.js"}, {"axios/", "Node.js"}, {"guzzlehttp", "PHP"},
		{"postmanruntime", "Postman"}, {"insomnia/", "Insomnia"}, {"ruby", "Ruby"}, {"http_request", "PHP"},
	} {
		if strings.Contains(lower, known[0]) {
			return known[1]
		}
	}
	// CUBOT makes phones.
	plain := strings.ReplaceAll(lower, "cubot", "")
	for _, word := range []string{"bot", "crawl", "spider", "slurp", "scraper", "scanner", "preview", "monitoring", "archiver", "feedfetcher"} {
		if strings.Contains(plain, word) {
			return "Other bot"
		}
	}
	return ""
}

package enrich

import "sourceloop/schema"

// click is a parameter that an ad platform or a mail service adds to the URLs
// it links to, and what it says about a visit.
type click struct {
	name    string
	source  string
	medium  string
	channel string
	paid    bool // proves an ad
}

const (
	fbclid     = "fbclid"
	paidFbclid = "fbclid as an ad" // no parameter: what an fbclid is taken for
)

// clickNamed is the product's table of click ids; nil for any other parameter.
// A switch rather than a map: it is asked for every parameter of every URL.
func clickNamed(name string) *click {
	switch name {
	case "gclid", "gbraid", "wbraid", "gad_source":
		return &click{name, "google", "cpc", schema.ChannelPaidSearch, true}
	case "dclid":
		return &click{name, "google", "display", schema.ChannelDisplay, true}
	case "msclkid":
		return &click{name, "bing", "cpc", schema.ChannelPaidSearch, true}
	case "yclid":
		return &click{name, "yandex", "cpc", schema.ChannelPaidSearch, true}
	case fbclid:
		// Facebook adds it to organic links too.
		return &click{name, "facebook", "organic", schema.ChannelOrganicSocial, false}
	case paidFbclid:
		return &click{fbclid, "facebook", "cpc", schema.ChannelPaidSocial, true}
	case "mc_cid":
		return &click{name, "mailchimp", "email", schema.ChannelEmail, false}
	}
	if source := socialClick(name); source != "" {
		return &click{name, source, "cpc", schema.ChannelPaidSocial, true}
	}
	return nil
}

func socialClick(name string) string {
	switch name {
	case "li_fat_id":
		return "linkedin"
	case "ttclid":
		return "tiktok"
	case "twclid":
		return "x"
	case "rdt_cid":
		return "reddit"
	case "epik":
		return "pinterest"
	case "ScCid":
		return "snapchat"
	}
	return ""
}

package bench

import (
	"time"

	"sourceloop/pipeline/enrich"
	"sourceloop/schema"
)

// rowsOf are hits as the pipeline decodes them.
func rowsOf(hits []hit, received time.Time) []*schema.Hit {
	read := enrich.NewAgents()
	rows := make([]*schema.Hit, len(hits))
	for i := range hits {
		h, agent := &hits[i], read.Parse(hits[i].agent)
		rows[i] = &schema.Hit{
			Id: h.id[:], Workspace: 1, Visitor: h.visitor, At: int64(h.at), Received: received.UnixMilli(), Type: kindOf(h.kind),
			Url: h.url, Referrer: h.referrer, Title: h.title, Name: h.name, Properties: []byte(h.properties), UserAgent: h.agent,
			Tz: h.zone, Country: "DE", CountrySource: enrich.CountryFromTimeZone, Device: agent.Device, Browser: agent.Browser, Os: agent.OS,
		}
		if h.email != "" {
			rows[i].Traits = &schema.Traits{Email: h.email}
		}
	}
	return rows
}

func kindOf(name string) schema.HitType {
	switch name {
	case "event":
		return schema.HitType_HIT_TYPE_EVENT
	case "identify":
		return schema.HitType_HIT_TYPE_IDENTIFY
	}
	return schema.HitType_HIT_TYPE_PAGEVIEW
}

package collect

import (
	"strings"

	"sourceloop/schema"
)

// Named is what a delivery is about: a provider's workspace, and a topic.
type Named struct{ App, Topic string }

// Naming hooks can tell what a delivery names, whether or not the provider
// sent it, so that people can be told what arrives.
type Naming interface {
	Names(body []byte) []Named
}

// What a delivery is noted as beside its topic; control knows the same words.
const (
	signalUnsigned  = "(unsigned)"
	signalUninstall = "(uninstall)"
	signalOther     = "(other)"
)

// signal notes what a delivery names.
func (e *Edge) signal(h Hooks, body []byte, genuine bool) {
	naming, can := h.(Naming)
	if e.deps.Signals == nil || !can {
		return
	}
	noted := map[Named]bool{} // one that names many counts once
	for _, n := range naming.Names(body) {
		what := signalUnsigned
		if genuine {
			what = topicWord(n.Topic)
		}
		if n.Topic = what; !noted[n] {
			noted[n] = true
			e.note(h.Provider(), n.App, what)
		}
	}
}

// note notes a delivery of an app that is somebody's, so that strangers fill
// nothing with names of their own.
func (e *Edge) note(provider, app, what string) {
	if e.deps.Signals == nil {
		return
	}
	if _, _, known := e.deps.Routes.Route(provider, app); known {
		e.deps.Signals.Note(provider, app, what, schema.MillisOf(e.deps.Now()))
	}
}

// topicWord keeps what is written as topics are.
func topicWord(topic string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"
	if topic == "" || len(topic) > 64 || strings.Trim(topic, letters) != "" {
		return signalOther
	}
	return topic
}

package collect

import "sourceloop/schema"

// Stage is the name of the collector in dead letters. What it sets aside never
// was a record of a topic.
const Stage = "collect"

// code groups what can be wrong with an item, for metrics and dead letters.
type code string

// The codes of single items.
const (
	badID      code = "bad_id"
	badVisitor code = "bad_visitor"
	badType    code = "bad_type"
	badField   code = "bad_field"
	badText    code = schema.DeadBadText // set aside: no UTF-8
	badTime    code = schema.DeadBadTime // set aside: no clock shows it
	flood      code = "flood"            // too many hits of one visitor
)

// The codes of whole requests.
const (
	malformed   code = "malformed"
	tooLarge    code = "too_large"
	unsupported code = "unsupported"
	limited     code = "limited"
	unavailable code = "unavailable"
	unknownKey  code = "unknown_key"
	optedOut    code = "opted_out" // Sec-GPC
)

func itemCodes() []code { return []code{badID, badVisitor, badType, badField, badText, badTime, flood} }

func requestCodes() []code {
	return []code{malformed, tooLarge, unsupported, limited, unavailable, unknownKey, optedOut}
}

// fault is what is wrong with an item, in words for whoever sent it. The words
// never repeat what was sent.
type fault struct {
	code  code
	words string
}

// setAside tells faults whose item is kept in the dead letters.
func (f fault) setAside() bool { return f.code == badText || f.code == badTime }

// verdict is a fault with its place in the request.
type verdict struct {
	Index  int    `json:"index"`
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

package meta

import (
	"encoding/json"
	"net/http"
	"strconv"

	"sourceloop/schema"
	"sourceloop/sinks/wire"
)

// graphError is what every refusal of the Graph API is. Its user title and
// message are in the language of whoever made the token, so nothing is decided
// by them.
type graphError struct {
	Error struct {
		Message   string `json:"message"`
		Code      int    `json:"code"`
		Subcode   int    `json:"error_subcode"`
		Transient bool   `json:"is_transient"`
		UserTitle string `json:"error_user_title"`
		UserWords string `json:"error_user_msg"`
	} `json:"error"`
}

// Codes of the Graph API that are branched on.
const (
	codeUnknown    = 1 // and 2: over there, for a moment
	codeService    = 2
	codeParameter  = 100
	codeToken      = 190
	codeBlocked    = 368
	codeOldVersion = 2635

	subcodeNoObject = 33
	subcodeTooOld   = 2804003
	subcodeMissing  = 2804019
)

// receivedWords is what there is to say of one event that Meta received.
const receivedWords = "Meta received it."

// received reads an answer to one request.
func received(a wire.Answer, t schema.Target, part []schema.Outgoing) wire.Said {
	if a.Status/100 != 2 {
		return notReceived(a, t, part)
	}
	var got struct {
		Events   int      `json:"events_received"`
		Messages []string `json:"messages"`
	}
	if err := json.Unmarshal(a.Body, &got); err != nil || got.Events < len(part) {
		return wire.Said{All: wire.Unclear(title, "events_received "+strconv.Itoa(got.Events))}
	}
	v := schema.Verdict{Outcome: schema.OutcomeSent, Words: receivedWords}
	if t.TestCode != "" {
		v.Words = "Meta received it as a test: look for it in the Events Manager under Test events."
	}
	for _, message := range got.Messages {
		v.Words += wire.Quoted(title, wire.Quote(message, wire.Hidden(t.Token, part)))
	}
	return wire.Said{All: v}
}

// notReceived reads a refusal, or the lack of an answer.
func notReceived(a wire.Answer, t schema.Target, part []schema.Outgoing) wire.Said {
	if a.Status == 0 {
		return wire.Said{All: wire.Silent(title, a)}
	}
	var e graphError
	known := json.Unmarshal(a.Body, &e) == nil && e.Error.Code != 0
	switch {
	case known && isLimit(e.Error.Code), a.Status == http.StatusTooManyRequests:
		return wire.Said{All: wire.Busy(title, e.code(), a.After)}
	case known && (e.Error.Code == codeUnknown || e.Error.Code == codeService || e.Error.Transient):
		return wire.Said{All: wire.Trouble(title, e.code(), a.After)}
	case a.Status >= 500 && (!known || a.Status == http.StatusGatewayTimeout):
		return wire.Said{All: wire.Unclear(title, "status "+strconv.Itoa(a.Status))}
	case a.Status >= 500, a.Status == http.StatusRequestTimeout, a.Status/100 == 3:
		return wire.Said{All: wire.Trouble(title, e.code(), a.After)}
	}
	if verdict, is := e.denied(a.Status, t, part); is {
		return wire.Said{All: verdict}
	}
	return e.refused(a.Status, t, part)
}

// isLimit knows the codes of limits: of app, user, page and business use.
func isLimit(code int) bool {
	switch code {
	case 4, 17, 32, 341, 613:
		return true
	}
	return code >= 80000 && code <= 80014
}

// denied are refusals after which nothing of this connection is taken.
func (e *graphError) denied(status int, t schema.Target, part []schema.Outgoing) (schema.Verdict, bool) {
	words := ""
	switch code := e.Error.Code; {
	case code == codeToken || code == 102 || status == http.StatusUnauthorized:
		words = "Meta does not accept the access token any more: it was ended, or whoever it belongs to left. In Meta's Events Manager, open the dataset's settings, generate a new access token under Conversions API, and paste it on the Meta card; what waits is sent then."
	case code == 3 || code == 10 || code >= 200 && code <= 299:
		words = "The access token may not send events to the dataset " + wire.Quote(t.Action, nil, t.Action) + ". In Meta's Business settings, give the token's system user access to the dataset, or generate a token in the dataset's own settings and paste it on the Meta card; what waits is sent then." + e.quoted(t, part)
	case code == codeBlocked:
		words = "Meta has blocked this account from sending events for a while. Look into the account's notices at Meta; test the connection once it is free, and what waits is sent." + e.quoted(t, part)
	case code == codeOldVersion:
		words = "The version of Meta's API that this server speaks has ended. Whoever runs this server sets SOURCELOOP_META_VERSION to one that lives; test the connection afterwards, and what waits is sent."
	default:
		return schema.Verdict{}, false
	}
	return schema.Verdict{Outcome: schema.OutcomeDenied, Code: e.code(), Words: words}, true
}

// refused are refusals of the dataset, or of one event of many.
func (e *graphError) refused(status int, t schema.Target, part []schema.Outgoing) wire.Said {
	code := e.code()
	if code == "" {
		code = "status " + strconv.Itoa(status)
	}
	if e.Error.Code == codeParameter && e.Error.Subcode == subcodeNoObject || status == http.StatusNotFound {
		return wire.Said{All: wire.Refused(code, "Meta does not know the dataset %s, or does not let the access token see it. Compare the number with the dataset's id in Meta's Events Manager, and let the token's system user have access to it; then send it again.%s", wire.Quote(t.Action, nil, t.Action), e.quoted(t, part))}
	}
	switch e.Error.Subcode {
	case subcodeTooOld:
		v := wire.TooOld(title, 7)
		v.Code = code
		return wire.Said{Divide: true, All: v}
	case subcodeMissing:
		return wire.Said{Divide: true, All: wire.Refused(code, "Meta misses something in this conversion. Check the destination's event name, value and currency, then send it again.%s", e.quoted(t, part))}
	}
	return wire.Said{Divide: true, All: wire.Refused(code, "Meta refuses this conversion. Check the destination's event name, value and currency, then send it again; the other conversions are not affected.%s", e.quoted(t, part))}
}

// code is the platform's code as people find it in Meta's documentation.
func (e *graphError) code() string {
	switch {
	case e.Error.Code == 0:
		return ""
	case e.Error.Subcode == 0:
		return strconv.Itoa(e.Error.Code)
	default:
		return strconv.Itoa(e.Error.Code) + "/" + strconv.Itoa(e.Error.Subcode)
	}
}

func (e *graphError) quoted(t schema.Target, part []schema.Outgoing) string {
	words := e.Error.Message
	for _, more := range []string{e.Error.UserTitle, e.Error.UserWords} {
		if more != "" {
			words += " – " + more
		}
	}
	return wire.Quoted(title, wire.Quote(words, wire.Hidden(t.Token, part), t.Action))
}

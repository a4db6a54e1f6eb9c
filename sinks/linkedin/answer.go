package linkedin

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"sourceloop/schema"
	"sourceloop/sinks/wire"
)

// fault is what a refusal of LinkedIn is.
type fault struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// took is what there is to say of an event that LinkedIn took.
const took = "LinkedIn took it."

// taken reads an answer to one request.
func taken(a wire.Answer, t schema.Target, part []schema.Outgoing) wire.Said {
	switch {
	case a.Status == 0:
		return wire.Said{All: wire.Silent(title, a)}
	case a.Status/100 != 2:
		return notTaken(a, t, part)
	case len(part) == 1 && a.Status == http.StatusCreated:
		return wire.Said{All: schema.Verdict{Outcome: schema.OutcomeSent, Words: took}} // It has no body.
	case len(part) == 1:
		return wire.Said{All: wire.Unclear(title, "status "+strconv.Itoa(a.Status))}
	}
	var got struct {
		Elements []struct {
			Status int   `json:"status"`
			Error  fault `json:"error"`
		} `json:"elements"`
	}
	if err := json.Unmarshal(a.Body, &got); err != nil || len(got.Elements) != len(part) {
		return wire.Said{All: wire.Unclear(title, "elements")}
	}
	each := make([]schema.Verdict, len(part))
	for i, element := range got.Elements {
		each[i] = ofOne(element.Status, element.Error, t, part)
	}
	return wire.Said{Each: each}
}

// ofOne is the verdict of one event of a batch that was taken.
func ofOne(status int, f fault, t schema.Target, part []schema.Outgoing) schema.Verdict {
	switch {
	case status/100 == 2:
		return schema.Verdict{Outcome: schema.OutcomeSent, Words: took}
	case status == http.StatusTooManyRequests:
		return wire.Busy(title, f.code(status), 0)
	case status >= 500:
		return wire.Trouble(title, f.code(status), 0)
	case status == 0:
		return wire.Unclear(title, "no status")
	}
	if verdict, is := f.denied(status, t, part); is {
		return verdict
	}
	return f.refused(status, t, part)
}

// notTaken reads the refusal of a whole request, of which nothing was taken.
func notTaken(a wire.Answer, t schema.Target, part []schema.Outgoing) wire.Said {
	var f fault
	known := json.Unmarshal(a.Body, &f) == nil && (f.Status != 0 || f.Code != "" || f.Message != "")
	switch {
	case a.Status == http.StatusTooManyRequests:
		return wire.Said{All: wire.Busy(title, f.code(a.Status), a.After)}
	case a.Status >= 500 && (!known || a.Status == http.StatusGatewayTimeout):
		return wire.Said{All: wire.Unclear(title, "status "+strconv.Itoa(a.Status))}
	case a.Status >= 500, a.Status == http.StatusRequestTimeout, a.Status/100 == 3:
		return wire.Said{All: wire.Trouble(title, f.code(a.Status), a.After)}
	}
	if verdict, is := f.denied(a.Status, t, part); is {
		return wire.Said{All: verdict}
	}
	if a.Status == http.StatusForbidden || a.Status == http.StatusNotFound {
		return wire.Said{All: f.refused(a.Status, t, part)} // All of them go to one rule.
	}
	if blamed := f.blamed(a.Status, t, part); len(blamed) > 0 {
		return wire.Said{Blamed: blamed}
	}
	return wire.Said{Divide: true, All: f.refused(a.Status, t, part)}
}

// unknownRule is how LinkedIn refuses a rule that it does not know, or does not
// show to whoever connected it. The code is that of every refusal.
const unknownRule = "No ad accounts found"

// renew is what to do about the version.
const renew = " Whoever runs this server sets SOURCELOOP_LINKEDIN_VERSION to one that lives, such as the month before last; test the connection afterwards, and what waits is sent."

// denied are refusals after which nothing of this connection is taken.
func (f *fault) denied(status int, t schema.Target, part []schema.Outgoing) (schema.Verdict, bool) {
	words := ""
	switch {
	case status == http.StatusUnauthorized:
		words = "LinkedIn does not accept our access any more: it ended, or was removed in the LinkedIn account. Connect LinkedIn again; what waits is sent then."
	case status == http.StatusForbidden && !strings.Contains(f.Message, unknownRule):
		words = "LinkedIn was connected without the permission to send conversions, or its app has not been granted it. Connect LinkedIn again; if it stays, whoever runs this server asks LinkedIn for the Conversions API product. What waits is sent then." + f.quoted(t, part)
	case f.Code == "VERSION_MISSING":
		words = "This server did not tell LinkedIn which version of its API it speaks." + renew
	case status == http.StatusUpgradeRequired || f.Code == "NONEXISTENT_VERSION":
		words = "The version of LinkedIn's API that this server speaks has ended." + renew
	default:
		return schema.Verdict{}, false
	}
	return schema.Verdict{Outcome: schema.OutcomeDenied, Code: f.code(status), Words: words}, true
}

// refused is the verdict of the events that the fault is about.
func (f *fault) refused(status int, t schema.Target, part []schema.Outgoing) schema.Verdict {
	code := f.code(status)
	switch {
	case status == http.StatusForbidden || status == http.StatusNotFound:
		return wire.Refused(code, "LinkedIn does not know the conversion rule %s, or does not show it to the person who connected it. Check in the Campaign Manager that the rule is there, that its method is Conversions API, and that this person has a role on its ad account; then send it again.%s", wire.Quote(t.Action, nil, t.Action), f.quoted(t, part))
	case strings.Contains(f.Message, "within 90 days"):
		v := wire.TooOld(title, 90)
		v.Code = code
		return v
	case status == http.StatusUnprocessableEntity:
		return wire.Refused(code, "LinkedIn cannot read this conversion, which is a fault of ours, not of your settings. Tell the operator; once it is mended, send it again. The other conversions are not affected.%s", f.quoted(t, part))
	default:
		return wire.Refused(code, "LinkedIn refuses this conversion. Check the destination's conversion rule and value, then send it again; the other conversions are not affected.%s", f.quoted(t, part))
	}
}

var (
	indices = regexp.MustCompile(`indices \[([0-9, ]+)\]`)
	path    = regexp.MustCompile(`/elements/([0-9]+)/`)
)

// blamed reads which events of a batch a refusal is about.
func (f *fault) blamed(status int, t schema.Target, part []schema.Outgoing) map[int]schema.Verdict {
	blamed := map[int]schema.Verdict{}
	if len(part) == 1 {
		return blamed
	}
	var places []string
	if found := indices.FindStringSubmatch(f.Message); found != nil {
		places = strings.FieldsFunc(found[1], func(r rune) bool { return r == ',' || r == ' ' })
	}
	for _, found := range path.FindAllStringSubmatch(f.Message, -1) {
		places = append(places, found[1])
	}
	for _, place := range places {
		if i, err := strconv.Atoi(place); err == nil && i < len(part) {
			blamed[i] = f.refused(status, t, part)
		}
	}
	return blamed
}

func (f *fault) code(status int) string {
	if code := wire.Code(f.Code); code != "" {
		return code
	}
	return "status " + strconv.Itoa(status)
}

func (f *fault) quoted(t schema.Target, part []schema.Outgoing) string {
	return wire.Quoted(title, wire.Quote(f.Message, wire.Hidden(t.Token, part), Rule(t.Action)))
}

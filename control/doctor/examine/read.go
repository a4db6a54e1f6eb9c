package examine

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"sourceloop/control/doctor"
)

// read sends a question and reads its answer into out. The status is 0 without
// an answer; the date is that of the answer, whatever it says.
func read(client *http.Client, request *http.Request, out any) (answer doctor.Answer, status int, date time.Time) {
	response, err := client.Do(request)
	if err != nil {
		return doctor.Unreachable, 0, time.Time{}
	}
	defer response.Body.Close()
	date, _ = http.ParseTime(response.Header.Get("Date")) // Without one, clocks are not compared.
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	answer, status = doctor.Told, response.StatusCode
	switch {
	case err != nil:
		answer = doctor.Unreachable
	case status == http.StatusUnauthorized:
		answer = doctor.Denied
	case status == http.StatusForbidden:
		answer = doctor.Restricted
	case status/100 != 2 || json.Unmarshal(body, out) != nil:
		answer = doctor.Unreachable
	}
	return answer, status, date
}

// ahead is how far the clock that gave a date is ahead of ours. A date names a
// second: its middle is compared with the middle of the question.
func ahead(date, asked, answered time.Time) (by time.Duration, known bool) {
	if date.IsZero() {
		return 0, false
	}
	return date.Add(time.Second / 2).Sub(asked.Add(answered.Sub(asked) / 2)), true
}

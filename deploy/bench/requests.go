package bench

import (
	"strconv"
)

// requestOf writes a request as a browser does. The host's name stands for the collector's.
func requestOf(agent string, body []byte) []byte {
	to := make([]byte, 0, 640+len(body))
	to = append(to, "POST /sl/hits?key="+siteKey+"&t=0 HTTP/1.1\r\nHost: sl.shop.example\r\nConnection: keep-alive\r\nContent-Length: "...)
	to = strconv.AppendInt(to, int64(len(body)), 10)
	to = append(append(to, "\r\nUser-Agent: "...), agent...)
	to = append(to, "\r\nContent-Type: text/plain;charset=UTF-8\r\nAccept: */*\r\nOrigin: https://www.shop.example\r\n"+
		"Referer: https://www.shop.example/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n"+
		"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n\r\n"...)
	return append(to, body...)
}

// singles are requests with one hit each: the page view that the tracker sends at once.
func singles(hits []hit) [][]byte {
	requests := make([][]byte, len(hits))
	var body []byte
	for i := range hits {
		body = append(hits[i].appendJSON(append(body[:0], '['), false), ']')
		requests[i] = requestOf(hits[i].agent, body)
	}
	return requests
}

// batches are requests with 20 hits each, as a site's server forwards them: several visitors, each with its agent.
func batches(hits []hit) [][]byte {
	requests := make([][]byte, 0, len(hits)/hitsPerRequest+1)
	var body []byte
	for len(hits) > 0 {
		n := min(hitsPerRequest, len(hits))
		body = append(body[:0], '[')
		for i := range hits[:n] {
			if i > 0 {
				body = append(body, ',')
			}
			body = hits[i].appendJSON(body, true)
		}
		requests = append(requests, requestOf("shop-server/1.0", append(body, ']')))
		hits = hits[n:]
	}
	return requests
}

package tracker

import (
	"fmt"
	"html"
	"strings"
)

// stub queues calls made before the script is there, each as a function that makes the call and answers its promise. It
// says whether consent was among them, for then the answer counts from the first hit on.
const stub = `<script>window.sourceloop=window.sourceloop||new Proxy([],{get:(q,m)=>m in q?q[m]:m=="told"?void 0:(...a)=>(m=="consent"&&(q.told=1),new Promise(r=>q.push(s=>r(s[m](...a)))))})</script>`

// Snippet is the HTML that a site puts into its pages. endpoint is where the collector answers, with or without a
// trailing slash ("https://loop.example"); key is the site key. The first line may be left out, for one, where inline
// scripts are forbidden; then window.sourceloop is not there before the script is.
func Snippet(endpoint, key string) string {
	return stub + "\n" + Tag(endpoint, key)
}

// Tag is the part of the snippet that loads the tracker, without the stub.
func Tag(endpoint, key string) string {
	return fmt.Sprintf(`<script defer src="%s/sl.js" data-key="%s"></script>`,
		html.EscapeString(strings.TrimRight(endpoint, "/")), html.EscapeString(key))
}

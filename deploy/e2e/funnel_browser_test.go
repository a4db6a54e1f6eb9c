package e2e

import (
	"fmt"
	"strconv"
	"strings"
)

// checkFunnel builds two steps by clicking, and slices them three ways.
func checkFunnel(w *tab, d *demo) {
	w.t.Helper()
	w.click(id("nav-funnels"))
	openBuilder(w, "new-funnel")
	w.choose(id("step-1")+" "+id("step-kind"), "pageview")
	w.choose(id("step-2")+" "+id("step-kind"), "intercom_conversation")
	for i, slice := range []struct {
		dimension, key string
		entered        int
	}{
		{"source", "localhost", 1}, {"source", "test", 1},
		{"landing_page", d.file.SiteURL + "/blog/second-flush", 1}, {"device", "desktop", 2},
	} {
		if i > 0 {
			openBuilder(w, "edit-steps")
		}
		w.choose(id("breakdown"), slice.dimension)
		w.click(id("run"))
		cell := fmt.Sprintf(`document.querySelector('%s tr[data-key="%s"] [data-step="2"]')?.dataset.value`, id("funnel-breakdown"), slice.key)
		w.await(cell, strconv.Itoa(slice.entered))
		for step := 1; step <= 2; step++ {
			reached := fmt.Sprintf(`document.querySelector('%s [data-step="%d"] [data-column="entered"]')?.dataset.value`, id("funnel-steps"), step)
			w.await(reached, "2")
		}
	}
	if got := w.text(id("funnel-steps")); !strings.Contains(got, "Intercom conversation") {
		w.t.Errorf("the funnel reads %q", got)
	}
	w.shot("funnel")
	address := w.eval("location.href")
	w.open(address)
	w.see(id("funnel-breakdown"))
	bestPath(w)
	whoDropped(w)
}

// openBuilder opens the drawer in which steps are built, and waits until it has
// slid in: what moves cannot be clicked.
func openBuilder(w *tab, button string) {
	w.t.Helper()
	w.click(id(button))
	w.see(id("step-1"))
	w.await(fmt.Sprintf("document.querySelector(%q).getAnimations().length", id("builder")), "0")
}

// bestPath finds the first pages that lead to a conversation most often.
func bestPath(w *tab) {
	w.t.Helper()
	w.click(id("tab-best"))
	w.see(id("best-paths") + " tbody tr")
	if got := w.text(id("best-paths")); !strings.Contains(got, "/blog/second-flush") || !strings.Contains(got, "100%") {
		w.t.Errorf("the best paths read %q", got)
	}
	w.shot("funnel-paths")
	w.click(id("tab-overview"))
	w.see(id("funnel-steps"))
}

// whoDropped puts a page between, which one of the two never saw, and opens who
// that was.
func whoDropped(w *tab) {
	w.t.Helper()
	openBuilder(w, "edit-steps")
	w.see(id("step-1") + ` [data-visitors="2"]`)
	w.shot("funnel-builder")
	w.click(id("add-step"))
	page := id("step-2") + " " + id("step-value")
	w.see(page)
	w.eval(fmt.Sprintf(`document.querySelector(%q).select()`, page))
	w.fill(page, "/features")
	w.click(id("run"))
	w.await(fmt.Sprintf(`document.querySelector('%s [data-step="2"] [data-column="entered"]')?.dataset.value`, id("funnel-steps")), "1")
	w.click(id("funnel-steps") + ` [data-step="1"] ` + id("dropped"))
	w.see(id("person") + " a")
	w.await(fmt.Sprintf(`String(document.querySelectorAll('%s').length)`, id("person")), "1")
	if got := w.text(id("person")); !strings.Contains(got, "ann@example.com") {
		w.t.Errorf("who dropped reads %q", got)
	}
	w.shot("funnel-dropped")
	w.click(id("person") + " a")
	w.see(id("contact"))
}

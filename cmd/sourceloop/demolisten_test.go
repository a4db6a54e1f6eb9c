package main

import (
	"testing"
)

// Whatever starts beside a demo cannot take an address that it wrote down, and the next start on the folder has the same.
func TestADemoHoldsItsAddresses(t *testing.T) {
	dir := t.TempDir()
	first, listeners, err := loadDemoState(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer listeners.close()
	if len(listeners) != 7 {
		t.Errorf("%d addresses, not those of product, site and five stand-ins: %v", len(listeners), listeners)
	}
	for address := range listeners {
		if l, err := listen(address); err == nil {
			_ = l.Close()
			t.Errorf("another program can listen on %s", address)
		}
	}
	if _, _, err := loadDemoState(dir, ""); err == nil {
		t.Error("a second demo got the addresses that the first one holds")
	}

	listeners.close()
	again, listeners, err := loadDemoState(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer listeners.close()
	if first.Listen != again.Listen || first.SiteListen != again.SiteListen || first.Ads["google"] != again.Ads["google"] {
		t.Errorf("other addresses or secrets at the next start: %+v, then %+v", first, again)
	}
}

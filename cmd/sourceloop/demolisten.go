package main

import (
	"net"

	"sourceloop/deploy/ports"
)

// demoListeners are a demo's, by address.
type demoListeners map[string]net.Listener

// open listens on every address of the demo, and finds those that its state lacks.
func (s *demoState) open() (demoListeners, error) {
	l := demoListeners{}
	for _, address := range []*string{&s.Listen, &s.SiteListen, &s.IntercomListen, &s.HubSpotListen} {
		if err := l.open(address); err != nil {
			l.close()
			return nil, err
		}
	}
	if s.Ads == nil {
		s.Ads = map[string]adsState{}
	}
	for name := range adPlatforms() {
		kept := s.Ads[name]
		if err := l.open(&kept.Listen); err != nil {
			l.close()
			return nil, err
		}
		s.Ads[name] = kept
	}
	return l, nil
}

// open listens on an address, and on a free one if it is empty.
func (l demoListeners) open(address *string) error {
	find := ports.Listen
	if *address != "" {
		find = func() (net.Listener, error) { return listen(*address) }
	}
	opened, err := find()
	if err != nil {
		return err
	}
	if *address == "" {
		*address = opened.Addr().String()
	}
	l[*address] = opened
	return nil
}

// close closes all of them. Those that are closed already stay so.
func (l demoListeners) close() {
	for _, one := range l {
		_ = one.Close() // Nothing is lost by one that was closed before.
	}
}

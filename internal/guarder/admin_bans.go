package guarder

import (
	"encoding/json"
	"net/http"
	"net/netip"
)

// AddBans has a handler serve GET /bans too, which names the addresses of who is banned.
func AddBans(mux *http.ServeMux, a Administered) {
	mux.HandleFunc("GET /bans", func(w http.ResponseWriter, _ *http.Request) {
		list, err := a.Bans()
		tell(w, list, err)
	})
}

// addBanOrders serves POST /ban and /unban.
func addBanOrders(mux *http.ServeMux, a Administered) {
	mux.HandleFunc("POST /ban", func(w http.ResponseWriter, r *http.Request) {
		var o BanOrder
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(&o); err != nil {
			http.Error(w, "order: "+err.Error(), http.StatusBadRequest)
			return
		}
		b, err := a.Ban(o)
		if err != nil {
			answer(w, err)
			return
		}
		tell(w, b, nil)
	})
	mux.HandleFunc("POST /unban", func(w http.ResponseWriter, r *http.Request) {
		var o BanOrder
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(&o); err != nil {
			http.Error(w, "order: "+err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, a.Unban(o.Prefix))
	})
}

// Bans implements [Administered].
func (c Client) Bans() (list BanList, err error) {
	err = c.read("bans", &list)
	return list, err
}

// Ban implements [Administered].
func (c Client) Ban(o BanOrder) (b BanStatus, err error) {
	text, err := json.Marshal(o)
	if err != nil {
		return b, err
	}
	body, err := c.ask(http.MethodPost, "ban", text)
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(body, &b)
}

// Unban implements [Administered].
func (c Client) Unban(p netip.Prefix) error {
	text, err := json.Marshal(BanOrder{Prefix: p})
	if err != nil {
		return err
	}
	_, err = c.ask(http.MethodPost, "unban", text)
	return err
}

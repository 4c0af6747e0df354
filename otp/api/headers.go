package api

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

func (h *handler) succeed(c *call, a answer) {
	if c.app != nil {
		c.rate.headers(c.w.Header())
	}
	h.write(c, a.status, a.body)
}

// write sends the answer. An answer that cannot be sent concerns nobody any more: the caller is gone.
func (h *handler) write(c *call, status int, body any) {
	c.status = status
	c.w.Header().Set("X-Response-Time", strconv.FormatInt(time.Since(c.begun).Milliseconds(), 10))
	if body == nil {
		c.w.WriteHeader(status)
		return
	}
	// Our own types, which always marshal. "<" and "&" stay as they are: this is no HTML.
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		panic(err)
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(b.Bytes())
}

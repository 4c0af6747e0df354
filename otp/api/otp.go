package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"otpgw/otp"
)

// create is POST /otp.
func (h *handler) create(ctx context.Context, c *call) (answer, error) {
	body, err := readBody(ctx, c)
	if err != nil {
		return answer{}, err
	}
	n, err := h.service.ParseNewOtp(body, c.app)
	if err != nil {
		return answer{}, err
	}
	o, err := h.service.Create(ctx, c.app, n)
	if err != nil {
		return answer{}, err
	}
	c.otpID = o.OtpID
	return answer{http.StatusCreated, o}, nil
}

// get is GET /otp/{otpId}.
func (h *handler) get(ctx context.Context, c *call) (answer, error) {
	o, err := h.service.Get(ctx, c.app, c.pathID())
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, o}, nil
}

type verified struct {
	Status otp.Status `json:"status"`
}

// verify is POST /otp/{otpId}. The lowest code is told here too: of a missing pin and an OTP that does not exist, the latter.
func (h *handler) verify(ctx context.Context, c *call) (answer, error) {
	id := c.pathID()
	body, err := readBody(ctx, c)
	if err != nil {
		return answer{}, err
	}
	g, err := otp.ParseGuess(body)
	if errors.Is(err, errPINMissing) {
		if _, err := h.service.Get(ctx, c.app, id); err != nil {
			return answer{}, err
		}
	}
	if err != nil {
		return answer{}, err
	}
	if err := h.service.Verify(ctx, c.app, id, g); err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, verified{otp.StatusVerified}}, nil
}

type cancelled struct {
	Info cancelledInfo `json:"info"`
}

type cancelledInfo struct {
	ID string `json:"id"`
}

// cancel is DELETE /otp/{otpId}.
func (h *handler) cancel(ctx context.Context, c *call) (answer, error) {
	id := c.pathID()
	if err := h.service.Cancel(ctx, c.app, id); err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, cancelled{cancelledInfo{id}}}, nil
}

// pathID is the otpId of the path in lower case. The log gets it only when it is a UUID, and not whatever a caller wrote.
func (c *call) pathID() string {
	id := strings.ToLower(c.r.PathValue("id"))
	if u, err := uuid.Parse(id); err == nil && u.String() == id {
		c.otpID = id
	}
	return id
}

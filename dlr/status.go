package dlr

import (
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Status is what a message state means for the delivery of an OTP.
//
// ACCEPTD is final in SMPP 3.4 (a human read the message on behalf of the subscriber), but what sends it
// today means "taken over by the network", and a final state follows. UNKNOWN and SKIPPED are what an SMSC
// says when it has no better to say and is done with the message.
func Status(s wire.MessageState) otp.DeliveryStatus {
	switch s {
	case wire.Delivered:
		return otp.DeliveryDelivered
	case wire.Rejected:
		return otp.DeliveryRejected
	case wire.Enroute, wire.Accepted, wire.Scheduled:
		return otp.DeliverySent
	}
	return otp.DeliveryFailed // Expired, Deleted, Undeliverable, Unknown, Skipped
}

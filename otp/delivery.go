package otp

import "time"

// DeliveryStatus is how far a message, or one part of it, has come.
type DeliveryStatus string

// The states of delivery of the API. DELIVERED, FAILED, REJECTED and NO COVERAGE are final.
const (
	DeliveryAccepted   DeliveryStatus = "ACCEPTED" // by the gateway
	DeliverySent       DeliveryStatus = "SENT"     // by the carrier
	DeliveryDelivered  DeliveryStatus = "DELIVERED"
	DeliveryFailed     DeliveryStatus = "FAILED"
	DeliveryRejected   DeliveryStatus = "REJECTED" // the carrier refused it at submission
	DeliveryNoCoverage DeliveryStatus = "NO COVERAGE"
	DeliveryScheduled  DeliveryStatus = "SCHEDULED"
)

// deliveryFacts: the code on the wire (ours), and how far the state is. A state only gives way to one further on, and a final
// one to none, so the first final state stays.
var deliveryFacts = map[DeliveryStatus]struct{ code, rank int }{
	DeliveryAccepted:   {1, 0},
	DeliverySent:       {2, 2},
	DeliveryDelivered:  {3, finalRank},
	DeliveryFailed:     {4, finalRank},
	DeliveryRejected:   {5, finalRank},
	DeliveryNoCoverage: {6, finalRank},
	DeliveryScheduled:  {7, 1},
}

const finalRank = 3

func (s DeliveryStatus) String() string { return string(s) }

// Code is the statusCode of dlr_update; 0 for a status that is none.
func (s DeliveryStatus) Code() int { return deliveryFacts[s].code }

// Final says whether nothing comes after s.
func (s DeliveryStatus) Final() bool { return deliveryFacts[s].rank == finalRank }

func (s DeliveryStatus) failed() bool { return s.Final() && s != DeliveryDelivered }

// Delivery is the delivery of an OTP's message: of the whole, and of each part.
type Delivery struct {
	Status    DeliveryStatus `json:"status" cbor:"1,keyasint"`
	ErrorCode *int           `json:"errorCode" cbor:"2,keyasint,omitempty"` // of what failed; else null
	At        time.Time      `json:"datetime" cbor:"3,keyasint"`            // when Status came to be
	Parts     []PartDelivery `json:"parts" cbor:"4,keyasint"`
}

// PartDelivery is the delivery of one part.
type PartDelivery struct {
	Part      int            `json:"part" cbor:"1,keyasint"` // from 1
	Status    DeliveryStatus `json:"status" cbor:"2,keyasint"`
	ErrorCode *int           `json:"errorCode" cbor:"3,keyasint,omitempty"`
	At        time.Time      `json:"datetime" cbor:"4,keyasint"`
}

// maxDeliveryParts is what a concatenation header can count (3GPP TS 23.040, 9.2.3.24.1).
const maxDeliveryParts = 255

func newDelivery(parts int, at time.Time) Delivery {
	d := Delivery{Status: DeliveryAccepted, At: at}
	d.grow(parts, at)
	return d
}

func (d *Delivery) grow(parts int, at time.Time) {
	for len(d.Parts) < min(parts, maxDeliveryParts) {
		d.Parts = append(d.Parts, PartDelivery{Part: len(d.Parts) + 1, Status: DeliveryAccepted, At: at})
	}
}

// resize takes the number of parts the message was really sent in, which the link decides and the estimate at POST may miss;
// 0 is not known. A part that something was reported of stays.
func (d *Delivery) resize(r DeliveryReport) {
	total := max(r.Parts, r.Part)
	d.grow(total, d.At)
	for last := len(d.Parts); r.Parts > 0 && last > total && d.Parts[last-1].Status == DeliveryAccepted; last-- {
		d.Parts = d.Parts[:last-1]
	}
}

// fold takes a report in. announce: the state of the whole has changed.
func (d *Delivery) fold(r DeliveryReport) (changed, announce bool) {
	d.resize(r)
	for i := range d.Parts {
		p := &d.Parts[i]
		if r.Part != 0 && r.Part != p.Part || deliveryFacts[r.Status].rank <= deliveryFacts[p.Status].rank {
			continue
		}
		p.Status, p.At, changed = r.Status, r.At, true
		if r.Status.failed() {
			p.ErrorCode = r.ErrorCode
		}
	}
	whole, code := d.whole()
	if d.Status.Final() || whole == d.Status {
		return changed, false
	}
	d.Status, d.ErrorCode, d.At = whole, code, r.At
	return true, true
}

// whole: one part that failed fails the message, for nobody reads half a PIN; DELIVERED is when all parts are.
func (d *Delivery) whole() (DeliveryStatus, *int) {
	furthest, delivered := DeliveryAccepted, 0
	for _, p := range d.Parts {
		if p.Status.failed() {
			return p.Status, p.ErrorCode
		}
		if p.Status == DeliveryDelivered {
			delivered++
			p.Status = DeliverySent
		}
		if deliveryFacts[p.Status].rank > deliveryFacts[furthest].rank {
			furthest = p.Status
		}
	}
	if delivered > 0 && delivered == len(d.Parts) {
		return DeliveryDelivered, nil
	}
	return furthest, nil
}

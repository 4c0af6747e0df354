package otp

import "time"

// DeliveryStatus is how far a message, or one part of it, has come.
type DeliveryStatus string

// The states of delivery of the API. DELIVERED, FAILED, REJECTED and NO COVERAGE are final.
const (
	DeliveryQueued     DeliveryStatus = "QUEUED"   // shown, never stored: the gateway has it, and no carrier
	DeliveryAccepted   DeliveryStatus = "ACCEPTED" // by the gateway; as it is shown, by the carrier
	DeliverySent       DeliveryStatus = "SENT"     // the carrier says that it is on its way
	DeliveryDelivered  DeliveryStatus = "DELIVERED"
	DeliveryFailed     DeliveryStatus = "FAILED"
	DeliveryRejected   DeliveryStatus = "REJECTED" // the carrier refused it at submission
	DeliveryNoCoverage DeliveryStatus = "NO COVERAGE"
	DeliveryScheduled  DeliveryStatus = "SCHEDULED"
)

// deliveryFacts: the code on the wire (ours), and how far the state is. A state only gives way to one further
// on, and a final one to none, so the first final state stays.
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
	// Assumed: no carrier told Status, see EndDelivery; a failure then gives way to a final state that one
	// tells.
	Assumed    bool `json:"assumed" cbor:"5,keyasint,omitempty"`
	Unanswered int  `json:"unanswered" cbor:"6,keyasint,omitempty"` // times it went out without an answer: it may have been sent each time
	Dropped    int  `json:"-" cbor:"7,keyasint,omitempty"`          // of them, those in which the carrier hung up
}

// PartDelivery is the delivery of one part.
type PartDelivery struct {
	Part      int            `json:"part" cbor:"1,keyasint"` // from 1
	Status    DeliveryStatus `json:"status" cbor:"2,keyasint"`
	ErrorCode *int           `json:"errorCode" cbor:"3,keyasint,omitempty"`
	At        time.Time      `json:"datetime" cbor:"4,keyasint"`
	Assumed   bool           `json:"assumed" cbor:"5,keyasint,omitempty"`
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

// resize takes the number of parts the message was really sent in, which the link decides and the estimate at
// POST may miss; 0 is not known. A part that something was reported of stays.
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
		forward := deliveryFacts[r.Status].rank > deliveryFacts[p.Status].rank
		if r.Part != 0 && r.Part != p.Part || !forward && !corrects(r, p.Status, p.Assumed) {
			continue
		}
		p.Status, p.At, p.Assumed, p.ErrorCode, changed = r.Status, r.At, r.Assumed, nil, true
		if r.Status.failed() {
			p.ErrorCode = r.ErrorCode
		}
	}
	whole := d.whole()
	if d.Status.Final() && !corrects(r, d.Status, d.Assumed) || whole.Status == d.Status && whole.Assumed == d.Assumed {
		return changed, false
	}
	announce = whole.Status != d.Status
	d.Status, d.ErrorCode, d.Assumed, d.At = whole.Status, whole.ErrorCode, whole.Assumed, r.At
	return true, announce
}

// corrects: what a carrier says at last goes before a failure that was only assumed.
func corrects(r DeliveryReport, status DeliveryStatus, assumed bool) bool {
	return assumed && status.failed() && r.Status.Final() && !r.Assumed
}

// whole is the state that the parts make: one that failed fails the message, for nobody reads half a PIN;
// DELIVERED is when all parts are.
func (d *Delivery) whole() PartDelivery {
	whole, failed, delivered := PartDelivery{Status: DeliveryAccepted}, false, 0
	for _, p := range d.Parts {
		switch {
		case p.Status.failed():
			if !failed || whole.Assumed && !p.Assumed {
				whole, failed = p, true
			}
			continue
		case p.Status == DeliveryDelivered:
			delivered++
			p.Status = DeliverySent
		}
		if !failed && deliveryFacts[p.Status].rank > deliveryFacts[whole.Status].rank {
			whole = PartDelivery{Status: p.Status}
		}
	}
	if delivered > 0 && delivered == len(d.Parts) {
		return PartDelivery{Status: DeliveryDelivered}
	}
	return whole
}

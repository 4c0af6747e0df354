package config

import (
	"encoding/csv"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/otpgw/otpgw/otp"
)

// priced is what has a price; an empty network is any.
type priced struct{ prefix, network string }

// Of is the price of a part to an E.164 number in a network (MCC and MNC; empty where it is not known): that
// of the network, else of its country's networks (MCC), else of any, each by the longest prefix; 0 for none.
func (p Prices) Of(e164, network string) float64 {
	digits := strings.TrimPrefix(e164, "+")
	for _, in := range []string{network, network[:min(len(network), mccLength)], ""} {
		for n := min(p.longest, len(digits)); n > 0; n-- {
			if price, ok := p.by[priced{digits[:n], in}]; ok {
				return price
			}
		}
	}
	return 0
}

// prices reads a CSV file of prefix and price. A first line that has no digits is its heading.
func (v *value) prices() Prices {
	v.trim()
	content := v.file()
	if content == nil {
		return Prices{}
	}
	return v.pricesOf(string(content))
}

func (v *value) pricesOf(content string) Prices {
	p := Prices{by: make(map[priced]float64)}
	r := csv.NewReader(strings.NewReader(content))
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = -1, '#', true
	for first := true; ; first = false {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return p
		}
		if err != nil {
			v.fault("the file it names is no CSV of prefix and price: %v", err)
			return p
		}
		if len(row) != 2 && len(row) != 3 {
			line, _ := r.FieldPos(0)
			v.fault("line %d of the file it names is no CSV of prefix,price or prefix,price,network", line)
			return p
		}
		if first && !strings.ContainsAny(strings.Join(row, ""), "0123456789") {
			continue
		}
		line, _ := r.FieldPos(0)
		p.add(v, line, row)
	}
}

func (p *Prices) add(v *value, line int, row []string) {
	digits := strings.TrimPrefix(strings.TrimSpace(row[0]), "+")
	price, err := strconv.ParseFloat(strings.TrimSpace(row[1]), 64)
	k := priced{prefix: digits}
	if len(row) == 3 && strings.TrimSpace(row[2]) != "" {
		if k.network = otp.Network(row[2]); k.network == "" {
			v.fault("line %d of the file it names: %q is no network: MCC, or MCC and MNC, like 24007", line, row[2])
			return
		}
	}
	_, twice := p.by[k]
	switch {
	case !allDigits.MatchString(digits) || len(digits) > otp.MaxDigits:
		v.fault("line %d of the file it names: %q is not the beginning of an international number", line, row[0])
	case err != nil || math.IsNaN(price) || price < 0 || price > 1e6:
		v.fault("line %d of the file it names: %q is not a price of 0 or more, like 0.045", line, row[1])
	case twice:
		v.fault("line %d of the file it names: the prefix %s has a price already", line, digits)
	default:
		p.by[k] = price
		p.longest = max(p.longest, len(digits))
	}
}

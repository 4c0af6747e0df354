package optout

import (
	"strings"
	"testing"
)

func TestReadKeywords(t *testing.T) {
	for _, c := range []struct {
		text, country string
		want          Word
	}{
		{"STOP", "SE", Stop}, {" stop. ", "", Stop}, {"\u200eStop!", "DE", Stop}, {"Stop all", "US", Stop}, {"STOPALL", "US", Stop}, {"unsubscribe", "BR", Stop},
		{"Arrêt", "FR", Stop}, {"ARRET", "FR", Stop}, {"ARRE\u0302T", "CA", Stop}, {"arrêt", "JP", None}, {"Стоп", "BG", Stop}, {"спри", "BG", Stop},
		{"İptal", "TR", Stop}, {"ıptal", "TR", Stop}, {"çık", "TR", Stop}, {"Dừng", "VN", Stop}, {"dung", "VN", Stop}, {"退订", "CN", Stop}, {"T", "CN", Stop}, {"T", "DE", None},
		{"إيقاف", "EG", Stop}, {"توقّف", "SA", Stop}, {"הסר", "IL", Stop}, {"배신", "KR", None}, {"수신거부", "KR", Stop}, {"ストップ", "JP", Stop}, {"หยุด", "TH", Stop},
		{"रोकें", "IN", Stop}, {"Διακοπή", "GR", Stop}, {"НЕТ", "RU", None}, {"Скасувати", "UA", Stop}, {"basta", "CH", Stop}, {"stopp", "CH", Stop},
		{"START", "SE", Start}, {"unstop", "US", Start}, {"démarrer", "BE", Start}, {"старт", "RU", Start}, {"help?", "GB", Help}, {"HILFE", "AT", Help}, {"Hjälp", "SE", Help},
		{"STOP Shop", "FR", Stop}, {"STOP 36111", "FR", Stop}, {"stop it", "US", None}, {"please stop", "US", None}, {"", "US", None}, {"...", "US", None}, {"482913", "US", None},
		{"fin", "ES", Stop}, {"fin", "SE", None},
	} {
		if got := Read(c.text, c.country, "Shop", "36111"); got != c.want {
			t.Errorf("%q from %s: %v, want %v", c.text, c.country, got, c.want)
		}
	}
}

// TestVocabulariesAreRead: each word of the table is found as it is written there, and means one thing only.
func TestVocabulariesAreRead(t *testing.T) {
	for name, v := range vocabularies {
		for want, list := range map[Word]string{Stop: v.stop, Start: v.start, Help: v.help} {
			for _, word := range strings.Fields(list) {
				for range 3 { // a map's order
					if got := v.read(plain(strings.ToLower(word))); got != want {
						t.Errorf("%s %s: %v, want %v", name, word, got, want)
					}
				}
			}
		}
	}
	for country, list := range spoken {
		for _, l := range list {
			if _, ok := vocabularies[l]; !ok {
				t.Errorf("%s speaks %s, which has no words", country, l)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("STOP", "SE")
	f.Add("\xff\u0301 stop", "??")
	f.Fuzz(func(t *testing.T, text, country string) {
		if w := Read(text, country, text); w < None || w > Help {
			t.Errorf("%v", w)
		}
	})
}

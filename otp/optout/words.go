package optout

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Word is what a message of one word asks for.
type Word int

// The words. None is any other message.
const (
	None  Word = iota
	Stop       // no more messages
	Start      // messages again
	Help
)

// everywhere are the words that carriers of every country know (CTIA Messaging Principles, 5.1.3, and what
// handsets offer).
var everywhere = vocabulary{
	stop:  "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT OPTOUT REVOKE REMOVE",
	start: "START UNSTOP OPTIN SUBSCRIBE",
	help:  "HELP INFO",
}

// vocabulary has the words of a language, parted by blanks, in upper case and without accents (see plain).
type vocabulary struct{ stop, start, help string }

// vocabularies are those of languages, by base subtag.
var vocabularies = map[string]vocabulary{
	"ar": {"توقف ايقاف قف الغاء", "ابدا اشترك", "مساعدة"},
	"bg": {"СТОП СПРИ ОТКАЖИ ОТПИШИ", "СТАРТ ЗАПОЧНИ", "ПОМОЩ"},
	"ca": {"ATURA BAIXA PROU", "ALTA INICIA", "AJUDA"},
	"cs": {"ZRUSIT ODHLASIT KONEC", "ZACIT PRIHLASIT", "POMOC"},
	"da": {"STOP AFMELD AFSLUT", "TILMELD", "HJALP HJÆLP"},
	"de": {"STOPP ABMELDEN ABBESTELLEN BEENDEN ENDE", "ANMELDEN STARTEN", "HILFE"},
	"el": {"ΣΤΟΠ ΔΙΑΚΟΠΗ ΑΚΥΡΩΣΗ ΤΕΛΟΣ", "ΕΝΑΡΞΗ", "ΒΟΗΘΕΙΑ"},
	"es": {"PARAR PARA BAJA ALTO CANCELAR DETENER FIN", "ALTA INICIAR INICIO EMPEZAR", "AYUDA"},
	"et": {"LOPETA LOPP", "ALUSTA", "ABI"},
	"fa": {"توقف لغو", "شروع", "راهنما"},
	"fi": {"LOPETA PERU SEIS", "ALOITA", "APUA OHJE"},
	"fr": {"ARRET ARRETER ARRETEZ DESABONNER DESABONNEMENT ANNULER FIN", "DEMARRER COMMENCER ABONNER", "AIDE"},
	"he": {"הסר עצור הפסק", "התחל", "עזרה"},
	"hi": {"रोकें बंद", "शुरू", "मदद"},
	"hr": {"ODJAVA PREKINI STANI", "PRIJAVA", "POMOC"},
	"hu": {"LEALLITAS LEIRATKOZAS MEGALLIT VEGE", "INDITAS FELIRATKOZAS", "SEGITSEG"},
	"id": {"BERHENTI HENTI BATAL", "MULAI", "BANTUAN"},
	"it": {"FERMA ANNULLA CANCELLA DISISCRIVI BASTA FINE", "INIZIA AVVIA ISCRIVI", "AIUTO"},
	"ja": {"停止 中止 解除 配信停止 ストップ", "開始 再開 スタート", "ヘルプ"},
	"ko": {"중지 정지 거부 수신거부 해지", "시작", "도움말"},
	"lt": {"STABDYTI ATSISAKYTI", "PRADETI", "PAGALBA"},
	"lv": {"APTURET ATTEIKTIES BEIGT", "SAKT", "PALIDZIBA"},
	"mk": {"СТОП ОТКАЖИ", "СТАРТ", "ПОМОШ"},
	"ms": {"BERHENTI HENTI BATAL", "MULA", "BANTUAN"},
	"nb": {"STOPP AVSLUTT AVMELD SLUTT", "START", "HJELP"},
	"nl": {"STOPPEN AFMELDEN UIT EINDE", "AANMELDEN AAN", "HULP"},
	"pl": {"KONIEC REZYGNUJE WYPISZ ANULUJ", "ZAPISZ", "POMOC"},
	"pt": {"PARAR PARE SAIR CANCELAR REMOVER FIM", "INICIAR COMECAR VOLTAR", "AJUDA"},
	"ro": {"OPRESTE STOPEAZA DEZABONARE ANULEAZA", "INCEPE ABONARE", "AJUTOR"},
	"ru": {"СТОП ОТПИСАТЬСЯ ОТПИСКА ОТМЕНА", "СТАРТ ПОДПИСКА", "ПОМОЩЬ СПРАВКА"},
	"sk": {"ZRUSIT ODHLASIT KONIEC", "ZACAT PRIHLASIT", "POMOC"},
	"sl": {"ODJAVA PREKINI", "PRIJAVA", "POMOC"},
	"sq": {"NDALO NDAL", "FILLO", "NDIHME"},
	"sr": {"СТОП ОДЈАВА ПРЕКИНИ ODJAVA PREKINI", "СТАРТ ПРИЈАВА PRIJAVA", "ПОМОЋ POMOC"},
	"sv": {"STOPP SLUTA AVSLUTA AVREGISTRERA", "STARTA BORJA", "HJALP"},
	"th": {"หยุด ยกเลิก", "เริ่ม", "ช่วยเหลือ"},
	"tr": {"DUR DURDUR IPTAL RET CIK", "BASLA", "YARDIM"},
	"uk": {"СТОП ВІДПИСАТИСЯ ВІДПИСКА СКАСУВАТИ", "СТАРТ ПІДПИСКА", "ДОПОМОГА"},
	"ur": {"بند روکیں", "شروع", "مدد"},
	"vi": {"DUNG HUY NGUNG", "BATDAU", "TROGIUP"},
	"zh": {"停止 退订 退訂 取消 取消订阅 TD T", "开始 開始 订阅", "帮助 幫助"},
}

// spoken are the languages of countries with more than the one that CLDR calls likely.
var spoken = map[string][]string{
	"AD": {"es", "fr"}, "BA": {"hr", "sr"}, "BE": {"nl", "fr", "de"}, "BY": {"ru"}, "CA": {"fr"}, "CH": {"de", "fr", "it"}, "CY": {"el", "tr"},
	"DZ": {"fr"}, "EE": {"ru"}, "ES": {"ca"}, "FI": {"sv"}, "HK": {"zh"}, "IL": {"ar"}, "IN": {"hi"}, "IT": {"de"}, "KG": {"ru"}, "KZ": {"ru"},
	"LB": {"fr"}, "LU": {"fr", "de"}, "LV": {"ru"}, "MA": {"fr"}, "MD": {"ru"}, "ME": {"sr"}, "MO": {"zh", "pt"}, "MY": {"ms", "zh"},
	"NO": {"nb"}, "PK": {"ur"}, "PR": {"es"}, "SG": {"zh", "ms"}, "TN": {"fr"}, "UA": {"ru"}, "US": {"es"}, "UZ": {"ru"},
}

// longest is more octets than any word has, with a sender behind it.
const longest = 200

// Read says what a text asks for: a word of any country, or one in a language of the country that its number
// is of (ISO 3166-1 alpha-2). Case, accents, and marks and spaces around the word do not matter. STOP may be
// followed by ALL or by what names the sender ("STOP Shop"), as some carriers have people write.
func Read(text, country string, senders ...string) Word {
	if len(text) > longest {
		return None
	}
	word := plain(text)
	first, second, two := strings.Cut(word, " ")
	if two && first == "STOP" && (second == "ALL" || slices.ContainsFunc(senders, func(s string) bool { return plain(s) == second })) {
		return Stop
	}
	if w := everywhere.read(word); w != None {
		return w
	}
	for _, l := range languages(country) {
		if w := vocabularies[l].read(word); w != None {
			return w
		}
	}
	return None
}

func (v vocabulary) read(word string) Word {
	for w, list := range map[Word]string{Stop: v.stop, Start: v.start, Help: v.help} {
		if slices.ContainsFunc(strings.Fields(list), func(known string) bool { return plain(known) == word }) {
			return w
		}
	}
	return None
}

// languages are the likely one of a country, by CLDR, and others that are spoken there.
func languages(country string) []string {
	list := spoken[country]
	if region, err := language.ParseRegion(country); err == nil {
		if tag, err := language.Compose(region); err == nil {
			base, _ := tag.Base()
			name := base.String()
			if name == "no" || name == "nn" {
				name = "nb"
			}
			list = append([]string{name}, list...)
		}
	}
	return list
}

// plain is a word in upper case, without accents, and without what stands around it; words are parted by one
// space.
func plain(text string) string {
	var b strings.Builder
	var last rune
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(unicode.ToUpper(r))
			last = r
		case unicode.Is(unicode.M, r):
			if !unicode.In(last, accented...) {
				b.WriteRune(r)
			}
		case unicode.Is(unicode.Cf, r): // nobody sees it
		default:
			b.WriteByte(' ')
		}
	}
	return norm.NFC.String(strings.Join(strings.Fields(b.String()), " "))
}

// accented are the scripts in which a mark is an accent or a vowel that people leave out; in others it is a
// part of the word.
var accented = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Hebrew, unicode.Arabic}

package country

import "regexp"

// Sources that several lines have.
const (
	awsTable    = "https://docs.aws.amazon.com/sns/latest/dg/sns-supported-regions-countries.html"
	awsForms    = "https://docs.aws.amazon.com/sms-voice/latest/userguide/registrations-country.html"
	awsNames    = "https://docs.aws.amazon.com/sms-voice/latest/userguide/sender-id.html"
	readOn      = "2026-11-26"
	lost        = "else it is not delivered"
	maybeLost   = "else it may be filtered"
	sixLetters  = "a header of 6 letters"
	indiaSource = "https://www.trai.gov.in (TCCCPR 2018, direction of 2024-08-20 on traceability)"
)

// rules is the table. What a country is not in it for, nothing is said of. A line is changed with its source
// and its day.
var rules = []Rule{
	registered("AE", "", lost, awsTable),
	replaced("AR", awsTable),
	registered("AU", "2026-07-01", `else it is shown as "Unverified"`, "https://www.acma.gov.au/sms-sender-id-register"),
	registered("BD", "", maybeLost, "https://support.ringring.be/hc/en-us/articles/16766145938973"),
	replaced("BR", awsTable),
	registered("BY", "", lost, awsTable),
	refused("CA", awsNames),
	replaced("CL", awsTable),
	replaced("CN", awsNames),
	replaced("CO", awsTable),
	replaced("CR", awsTable),
	replaced("DO", awsTable),
	replaced("EC", awsTable),
	registered("EG", "", lost, awsTable),
	registered("ES", "2026-09-15", lost, "https://www.boe.es (order TDF/149/2025, moved by TDF/558/2026)"),
	registered("FI", "2026-05-04", `else it is shown as "Unknown"; numbers too`, "https://www.traficom.fi/en/communications/broadband-and-telephone/sms-sender-id (regulation 28)"),
	replaced("GT", awsTable),
	replaced("HN", awsTable),
	registered("ID", "", lost, awsForms),
	registered("IE", "2025-10-03", lost, "https://www.comreg.ie (SMS Sender ID Registry; labelled \"Likely Scam\" from 2025-07-03)"),
	{Country: "IN", Names: Registered, Else: lost + ": entity, header, template and chain (DLT)", Form: regexp.MustCompile(`^[A-Za-z]{6}$`), FormIs: sixLetters,
		Numbers: true, Source: indiaSource, Read: readOn},
	registered("JO", "", lost, awsTable),
	registered("KE", "", lost, awsForms),
	replaced("KR", awsTable),
	registered("KW", "", lost, awsTable),
	registered("KZ", "", lost, awsForms),
	registered("LK", "", lost, awsForms),
	replaced("MX", awsTable),
	replaced("MY", awsTable),
	replaced("NI", awsTable),
	replaced("NZ", awsTable),
	replaced("PA", awsTable),
	replaced("PE", awsTable),
	registered("PH", "", lost, awsTable),
	refused("PR", awsTable),
	registered("QA", "", lost, awsTable),
	registered("RU", "", lost, awsTable),
	{Country: "SA", Names: Registered, Else: lost, Source: "https://api.support.vonage.com/hc/en-us/articles/204017033 (rules of the CST)", Read: readOn},
	registered("SG", "2023-01-31", `else it is shown as "Likely-SCAM", or not delivered`, "https://www.imda.gov.sg/How-We-Can-Help/Anti-Scam-Measures"),
	replaced("SV", awsTable),
	registered("TH", "", lost, awsTable),
	registered("TR", "", lost, awsForms),
	replaced("TW", awsTable),
	refused("US", awsNames),
	replaced("UY", awsTable),
	replaced("VE", awsTable),
	registered("VN", "", lost, awsTable),
	replaced("ZA", awsTable),
	registered("ZM", "", lost, awsForms),
}

func refused(country, source string) Rule {
	return Rule{Country: country, Names: Refused, Numbers: true, Source: source, Read: readOn}
}

func replaced(country, source string) Rule {
	return Rule{Country: country, Names: Replaced, Numbers: true, Source: source, Read: readOn}
}

func registered(country, since, otherwise, source string) Rule {
	return Rule{Country: country, Names: Registered, Since: since, Else: otherwise, Numbers: true, Source: source, Read: readOn}
}

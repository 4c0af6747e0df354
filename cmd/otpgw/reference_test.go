package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// sampleBody is a request with all that the samples of the sms.cx reference set: a template for each of five
// languages beside one for the rest, numbers as numbers, and a callback.
const sampleBody = `{"phoneNumber":"NUMBER","from":"Verify","template":"Your code: {{pin}}","template_fr":"Votre code : {{pin}}",` +
	`"template_de":"Ihr Code: {{pin}}","template_es":"Su código: {{pin}}","template_it":"Il codice è {{pin}}","template_bg":"Вашият код: {{pin}}",` +
	`"ttl":600,"maxAttempts":6,"pinType":"numbers","pinLength":5,"otpCallbackUrl":"https:\/\/my-callback.example.com\/status"}`

// snippet is how the snippet generators of API references call an API from a language, with a bearer token.
type snippet struct {
	language, tool, get string
	file, code          string
	command             []string
}

var snippets = []snippet{
	{"curl", "curl", "Debian: apt-get install curl", "call.sh", `curl --silent --request POST \
  --url http://HOST/otp \
  --header 'Authorization: Bearer TOKEN' \
  --header 'Content-Type: application/json' \
  --data-raw 'BODY'
`, []string{"sh"}},
	{"Python http.client", "python3", "Debian: apt-get install python3", "call.py", `import http.client

conn = http.client.HTTPConnection("HOST")
payload = r'''BODY'''
headers = {'Content-Type': "application/json", 'Authorization': "Bearer TOKEN"}
conn.request("POST", "/otp", payload.encode("utf-8"), headers)
print(conn.getresponse().read().decode("utf-8"))
`, []string{"python3"}},
	{"Node http", "node", "Debian: apt-get install nodejs", "call.js", `const http = require("http");
const [hostname, port] = "HOST".split(":");
const options = { method: "POST", hostname, port, path: "/otp",
  headers: { "Content-Type": "application/json", "Authorization": "Bearer TOKEN" } };
const req = http.request(options, function (res) {
  const chunks = [];
  res.on("data", (chunk) => chunks.push(chunk));
  res.on("end", () => console.log(Buffer.concat(chunks).toString()));
});
req.write(JSON.stringify(JSON.parse(String.raw` + "`BODY`" + `)));
req.end();
`, []string{"node"}},
	{"PHP curl", "php", "Debian: apt-get install php-cli php-curl", "call.php", `<?php
$curl = curl_init();
curl_setopt_array($curl, [
  CURLOPT_URL => "http://HOST/otp", CURLOPT_RETURNTRANSFER => true, CURLOPT_ENCODING => "", CURLOPT_MAXREDIRS => 10,
  CURLOPT_TIMEOUT => 30, CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1, CURLOPT_CUSTOMREQUEST => "POST",
  CURLOPT_POSTFIELDS => 'BODY',
  CURLOPT_HTTPHEADER => ["Authorization: Bearer TOKEN", "Content-Type: application/json"],
]);
echo curl_exec($curl);
`, []string{"php"}},
	{"Ruby net/http", "ruby", "Debian: apt-get install ruby", "call.rb", `require 'uri'
require 'net/http'
url = URI("http://HOST/otp")
http = Net::HTTP.new(url.host, url.port)
request = Net::HTTP::Post.new(url)
request["Content-Type"] = 'application/json'
request["Authorization"] = 'Bearer TOKEN'
request.body = 'BODY'
puts http.request(request).read_body
`, []string{"ruby"}},
	{"Go net/http", "go", "see go.dev", "main.go", `package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

func main() {
	payload := strings.NewReader(` + "`BODY`" + `)
	req, _ := http.NewRequest("POST", "http://HOST/otp", payload)
	req.Header.Add("Content-Type", "application/json")
	req.Header.Add("Authorization", "Bearer TOKEN")
	res, _ := http.DefaultClient.Do(req)
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Println(string(body))
}
`, []string{"go", "run"}},
	{"Java HttpClient", "javac", "Debian: apt-get install default-jdk-headless", "Call.java", `import java.net.URI;
import java.net.http.*;

public class Call {
  public static void main(String[] args) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create("http://HOST/otp"))
      .header("Content-Type", "application/json")
      .header("Authorization", "Bearer TOKEN")
      .POST(HttpRequest.BodyPublishers.ofString("QUOTED"))
      .build();
    System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
  }
}
`, []string{"java", "-Dfile.encoding=UTF-8"}},
	{"C# HttpClient", "mcs", "Debian: apt-get install mono-mcs mono-runtime libmono-system-net-http4.0-cil", "call.cs", `using System;
using System.Net.Http;
using System.Text;
using System.Threading.Tasks;

class Call {
  static async Task<string> Send() {
    var request = new HttpRequestMessage(HttpMethod.Post, "http://HOST/otp");
    request.Headers.Add("Authorization", "Bearer TOKEN");
    request.Content = new StringContent("QUOTED", Encoding.UTF8, "application/json");
    var response = await new HttpClient().SendAsync(request);
    return await response.Content.ReadAsStringAsync();
  }
  static void Main() { Console.WriteLine(Send().GetAwaiter().GetResult()); }
}
`, []string{"sh", "-c", `mcs -r:System.Net.Http.dll -out:"$0.exe" "$0" && mono "$0.exe"`}},
}

// quoted is a body as a string of Java or C#, whose compilers take no escaped slash.
func quoted(body string) string {
	return strings.NewReplacer(`\/`, `/`, `"`, `\"`).Replace(body)
}

// TestSamplesOfAReference: what people paste from an API reference works with another host and a token; each
// gets the text of its number's language, in the sender's name. With the masked digits of the reference left
// in, it is told that the number is none (2020).
func TestSamplesOfAReference(t *testing.T) {
	t.Parallel()
	s := startSMSC(t, smsc.Config{})
	d := startBound(t, env(t.TempDir(), s.Addr(), map[string]string{"OTPGW_APP_SHOP_SECRET": "shop-secret", "OTPGW_APP_SHOP_SEND_LIMITS": "off"}))
	var token struct {
		Access string `json:"access_token"`
	}
	form := "grant_type=client_credentials&client_id=shop&client_secret=shop-secret"
	out, err := exec.CommandContext(t.Context(), "curl", "-s", "-d", form, d.HTTP+"/oauth/token").Output()
	if err != nil {
		t.Skipf("the samples are not run: there is no curl (Debian: apt-get install curl): %v", err)
	}
	(&answer{body: out}).json(t, &token)
	for i, one := range snippets {
		t.Run(one.language, func(t *testing.T) {
			if _, err := exec.LookPath(one.tool); err != nil {
				t.Skipf("there is no %s (%s)", one.tool, one.get)
			}
			call := func(number string) string {
				body := strings.ReplaceAll(sampleBody, "NUMBER", number)
				code := strings.NewReplacer("HOST", strings.TrimPrefix(d.HTTP, "http://"), "TOKEN", token.Access, "BODY", body, "QUOTED", quoted(body)).Replace(one.code)
				file := filepath.Join(t.TempDir(), one.file)
				if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
					t.Fatal(err)
				}
				cmd := exec.CommandContext(t.Context(), one.command[0], append(one.command[1:], file)...)
				cmd.WaitDelay = 10 * time.Second
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				return string(out)
			}
			to := "+3361242410" + string(rune('0'+i))
			got := call(to)
			for n := 0; strings.Contains(got, `"code":1010`) && n < 10; n++ { // busy, try again
				got = call(to)
			}
			if !strings.Contains(got, `"status":"PENDING"`) {
				t.Fatalf("answer %s", got)
			}
			if m := waitSMS(t, s, to); !strings.HasPrefix(m.Text, "Votre code : ") || len(m.Code) != 5 || m.From != "Verify" {
				t.Errorf("message %+v", m)
			}
			if got := call("+336124241xx"); !strings.Contains(got, `"code":2020`) {
				t.Errorf("the masked number: %s", got)
			}
		})
	}
}

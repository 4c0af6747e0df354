package simulator;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * A simulated SMSC for JUnit 5, empty at the start of each test:
 *
 * <pre>
 * &#64;ExtendWith(Simulator.class)
 * class LoginTest {
 *   &#64;Test void login(Simulator smsc) {
 *     App app = App.start(smsc.host(), smsc.port()); // binds to it, as it would to a carrier
 *     app.login("+491701234567");
 *     app.confirm(smsc.code("+491701234567"));
 *   }
 * }
 * </pre>
 *
 * It is the program smscsim (SMSCSIM_PROGRAM says where, else it is in PATH), started once for all tests. With SMSCSIM_SMPP
 * and SMSCSIM_HTTP set it is one that runs already: a service of the workflow, a container.
 */
public final class Simulator implements BeforeEachCallback, ParameterResolver {
  private static final Pattern READY = Pattern.compile("SMPP on (\\S+?),.* HTTP on (\\S+?),");
  private static final Pattern CODE = Pattern.compile("\"code\":\"([^\"]*)\"");
  private static final ExtensionContext.Namespace SPACE = ExtensionContext.Namespace.create(Simulator.class);

  private final HttpClient client = HttpClient.newHttpClient();
  private String smpp, http;

  public String host() { return smpp.substring(0, smpp.lastIndexOf(':')); }

  public int port() { return Integer.parseInt(smpp.substring(smpp.lastIndexOf(':') + 1)); }

  /** The next message to a number as JSON, also one that came before; each is returned once. */
  public String message(String to) {
    return ask("GET", "/api/v1/messages/wait?timeout=10s&to=" + URLEncoder.encode(to, StandardCharsets.UTF_8), null);
  }

  /** The one-time code in the next message to a number. */
  public String code(String to) {
    String m = message(to);
    Matcher code = CODE.matcher(m);
    if (!code.find() || code.group(1).isEmpty()) throw new AssertionError("no code in " + m);
    return code.group(1);
  }

  /** The messages kept, as JSON. */
  public String messages() { return ask("GET", "/api/v1/messages", null); }

  /** What becomes of messages, as JSON: {"match": {"to": "+4917"}, "submit": {"status": "ESME_RTHROTTLED"}, "count": 1}. */
  public void rule(String json) { ask("POST", "/api/v1/rules", json); }

  public void reset() { ask("POST", "/api/v1/reset", ""); }

  private String ask(String method, String path, String body) {
    HttpRequest request = HttpRequest.newBuilder(URI.create(http + path)).timeout(Duration.ofSeconds(15)).header("Content-Type", "application/json")
        .method(method, body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body)).build();
    try {
      HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() >= 300) throw new AssertionError(method + " " + path + ": " + answer.statusCode() + " " + answer.body());
      return answer.body();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override public void beforeEach(ExtensionContext context) { running(context).reset(); }

  @Override public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Simulator.class;
  }

  @Override public Object resolveParameter(ParameterContext parameter, ExtensionContext context) { return running(context); }

  private static Simulator running(ExtensionContext context) {
    return context.getRoot().getStore(SPACE).getOrComputeIfAbsent("simulator", k -> new Running(), Running.class).simulator;
  }

  /** Running is the simulator of the whole run; JUnit closes it at its end. */
  private static final class Running implements ExtensionContext.Store.CloseableResource {
    final Simulator simulator = new Simulator();
    private Process process;

    Running() {
      simulator.http = System.getenv("SMSCSIM_HTTP");
      simulator.smpp = Optional.ofNullable(System.getenv("SMSCSIM_SMPP")).orElse("127.0.0.1:2775");
      if (simulator.http != null) return;
      String program = Optional.ofNullable(System.getenv("SMSCSIM_PROGRAM")).orElse("smscsim");
      try {
        process = new ProcessBuilder(program, "-smpp", "127.0.0.1:0", "-http", "127.0.0.1:0", "-receipt-delay", "0s")
            .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        BufferedReader out = process.inputReader();
        Matcher ready = READY.matcher(String.valueOf(out.readLine()));
        if (!ready.find()) throw new IllegalStateException("smscsim did not start");
        simulator.smpp = ready.group(1);
        simulator.http = ready.group(2);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override public void close() throws InterruptedException {
      if (process == null) return;
      process.destroy();
      process.waitFor(10, TimeUnit.SECONDS);
    }
  }
}

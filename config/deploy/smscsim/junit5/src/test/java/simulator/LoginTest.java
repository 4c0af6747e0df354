package simulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.jsmpp.bean.*;
import org.jsmpp.extra.NegativeResponseException;
import org.jsmpp.session.BindParameter;
import org.jsmpp.session.SMPPSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** An example: what is tested here, a client made with jSMPP, is your application. */
@ExtendWith(Simulator.class)
class LoginTest {
  private final SMPPSession app = new SMPPSession();

  @BeforeEach void bind(Simulator smsc) throws Exception {
    app.connectAndBind(smsc.host(), smsc.port(),
        new BindParameter(BindType.BIND_TX, "app", "secret", "", TypeOfNumber.UNKNOWN, NumberingPlanIndicator.UNKNOWN, null));
  }

  @AfterEach void unbind() { app.unbindAndClose(); }

  private void send(String to, String text) throws Exception {
    app.submitShortMessage("", TypeOfNumber.ALPHANUMERIC, NumberingPlanIndicator.UNKNOWN, "Shop", TypeOfNumber.INTERNATIONAL,
        NumberingPlanIndicator.ISDN, to, new ESMClass(), (byte) 0, (byte) 0, null, null, new RegisteredDelivery(0), (byte) 0,
        new GeneralDataCoding(Alphabet.ALPHA_DEFAULT), (byte) 0, text.getBytes());
  }

  @Test void code(Simulator smsc) throws Exception {
    send("491701234567", "Your code is 4711");
    assertEquals("4711", smsc.code("+491701234567"));
  }

  @Test void refused(Simulator smsc) throws Exception {
    smsc.rule("{\"match\": {\"to\": \"+4917\"}, \"submit\": {\"status\": \"ESME_RTHROTTLED\"}, \"count\": 1}");
    NegativeResponseException e = assertThrows(NegativeResponseException.class, () -> send("491701234567", "Your code is 4711"));
    assertEquals(0x58, e.getCommandStatus());
    send("491701234567", "Your code is 4712");
    assertEquals("4712", smsc.code("491701234567"));
  }

  @Test void eachBeginsEmpty(Simulator smsc) {
    assertTrue(smsc.messages().contains("\"messages\":[]"), smsc::messages);
  }
}

"""The published client of the sms.cx API against this gateway: only the base URL is another.

TestSmscxClient runs it: published.py BASE_URL SIMULATOR_URL. It ends with status 0 when everything was as the client
wants it; the client itself throws on an answer that it does not know.
"""
import json
import sys
import urllib.request

import smscx_client
from smscx_client import exceptions as errors
from smscx_client.api import applications_api, oauth_api, otp_api
from smscx_client.models import NewOtpRequest

base, simulator = sys.argv[1], sys.argv[2]
faults = []


def check(what, ok, seen=""):
    print("ok  " if ok else "FAIL", what, seen if not ok else "")
    if not ok:
        faults.append(what)


def raises(what, kind, call):
    try:
        got = call()
    except kind as e:
        check(what, type(e) is kind, repr(type(e)))
    except Exception as e:  # the client's own complaint about an answer counts too
        check(what, False, f"{type(e).__name__}: {e}")
    else:
        check(what, False, f"no exception: {got}")


def pin_of(phone):
    url = f"{simulator}/api/v1/messages/wait?timeout=30s&to={phone.lstrip('+')}"
    return json.load(urllib.request.urlopen(url))["code"]


def wrong(pin):
    return "1111" if pin != "1111" else "2222"


def client(**credentials):
    return smscx_client.ApiClient(smscx_client.Configuration(host=base, **credentials))


def life(name, api, phone):
    track = "3c8a9d12-1d4b-4a4e-9a55-0c9d7d3e6a10"
    otp = api.new_otp(NewOtpRequest(phone_number=phone, template="Code {{pin}}", track_id=track, ttl=500, max_attempts=3,
                                    pin_type="numbers", pin_length=4, _from="Verify", otp_callback_url="https://example.net/cb"))
    data = otp.to_dict() if hasattr(otp, "to_dict") else otp
    check(f"{name}: new_otp", data["status"] == "PENDING" and data["ttl"] == 500 and data["phone_number"] == phone, data)
    pin = pin_of(phone)
    check(f"{name}: status", api.get_otp_status(data["otp_id"])["status"] == "PENDING")
    raises(f"{name}: wrong pin", errors.InvalidPinException, lambda: api.verify_otp(data["otp_id"], wrong(pin)))
    check(f"{name}: verify", api.verify_otp(data["otp_id"], pin)["status"] == "VERIFIED")
    raises(f"{name}: verified", errors.OtpAlreadyVerifiedException, lambda: api.verify_otp(data["otp_id"], pin))
    raises(f"{name}: cancel verified", errors.OtpActionNotAllowedException, lambda: api.cancel_otp(data["otp_id"]))
    last = api.get_otp_status(data["otp_id"])
    check(f"{name}: status after", last["status"] == "VERIFIED" and last["attempts"] == 1, last)


def refusals(api):
    otp = api.new_otp(NewOtpRequest(phone_number="+46700000903", max_attempts=1, pin_length=4))
    pin = pin_of("+46700000903")
    raises("last attempt", errors.OtpFailedException, lambda: api.verify_otp(otp["otp_id"], wrong(pin)))
    raises("failed", errors.OtpFailedException, lambda: api.verify_otp(otp["otp_id"], pin))
    otp = api.new_otp(NewOtpRequest(phone_number="+46700000904"))
    check("cancel", api.cancel_otp(otp["otp_id"])["info"]["id"] == otp["otp_id"])
    raises("cancel again", errors.OtpCancelledException, lambda: api.cancel_otp(otp["otp_id"]))
    raises("verify cancelled", errors.OtpCancelledException, lambda: api.verify_otp(otp["otp_id"], "1"))
    raises("unknown id", errors.ResourceNotFoundException, lambda: api.get_otp_status("bf325375-e030-4ccb-a009-17317c574773"))
    raises("bad number", errors.InvalidRequestException, lambda: api.new_otp(NewOtpRequest(phone_number="+4670")))
    raises("no coverage", errors.NoCoverageException, lambda: api.new_otp(NewOtpRequest(phone_number="+14165550123")))
    national = api.new_otp(NewOtpRequest(phone_number="0700000905", country_iso="SE"))
    check("national number", national["phone_number"] == "+46700000905" and national["country_iso"] == "SE", national)
    raises("bad key", errors.InvalidCredentialsException, lambda: otp_api.OtpApi(client(api_key="x")).get_otp_status(otp["otp_id"]))


def tokens():
    credentials = client(username="shop", password="shop-secret")
    token = oauth_api.OauthApi(credentials).get_access_token(scope="otp")
    check("token", token["token_type"] == "Bearer" and token["expires_in"] > 0 and token["scope"] == "otp", token)
    raises("bad scope", errors.InvalidScopeException, lambda: oauth_api.OauthApi(credentials).get_access_token(scope="x"))
    raises("bad secret", errors.InvalidCredentialsException,
           lambda: oauth_api.OauthApi(client(username="shop", password="x")).get_access_token())
    return client(access_token=token["access_token"])


by_key = client(api_key="key")
life("key", otp_api.OtpApi(by_key), "+46700000901")
refusals(otp_api.OtpApi(by_key))
by_token = tokens()
life("token", otp_api.OtpApi(by_token), "+46700000902")
settings = applications_api.ApplicationsApi(by_token).get_application_settings("shop")
check("application", settings["settings"]["otp"]["max_attempts"] == 5 and settings["application_id"] == "shop", settings)
sys.exit(1 if faults else 0)

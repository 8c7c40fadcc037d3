"""What httpx is given for addresses of this machine. By itself it reads all that certificates rest
on for each client, which takes longer than most requests here."""

import ssl

WITHOUT_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

"""Every door of OAuth: discovery, sign-in, tokens."""

from fastapi import APIRouter

from gateway.oauth import authorize, device, discovery, sign_out, token

router = APIRouter(tags=["oauth"])
router.include_router(discovery.router)
router.include_router(authorize.router)
router.include_router(device.router)
router.include_router(sign_out.router)
router.include_router(token.router)

//! The OpenAPI document: made from the handlers, so that it says what they do.
//!
//! Every operation has a `default` answer, the error shape: any refusal (rights, limits, unknown names, wrong methods) has
//! that form and no other.

use axum::Json as Answer;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::{
    acquaint, blobs, care, drafts, events, invites, limits, links, me, moments, node, notices, onboarding,
    people, previews, privacy, profile, programs, schema, settings, sharing, tags,
};

/// The API.
#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "Tidings", description = "The local API of a personal node. Loopback only.", license(name = "MIT OR Apache-2.0")),
    paths(
        me::whoami, me::profile, me::change_profile, node::status, node::address, node::stop, onboarding::state,
        onboarding::create, onboarding::forget, onboarding::later, people::friends, people::friend, people::change, people::remove,
        people::safety, people::verify, people::requests, people::confirm, people::decline, people::invite,
        people::accept, invites::read, acquaint::block, acquaint::unblock, acquaint::request, acquaint::introduce,
        privacy::show, privacy::change, privacy::chats_only, privacy::with_moments, privacy::audience,
        tags::list, tags::add, tags::take, tags::rename, tags::remove, moments::timeline, moments::post,
        moments::moment, moments::withdraw, moments::withdraw_comment, moments::like, moments::unlike,
        care::album, care::faves, care::pin, care::unpin, care::fave, care::unfave,
        moments::comment, moments::who, sharing::share, sharing::evidence, notices::hide, notices::list, notices::read, notices::mute, notices::unmute,
        blobs::blob, previews::filters, previews::preview, events::events, programs::list, programs::add, programs::revoke,
        links::preview, limits::limits, drafts::list, drafts::keep, drafts::forget, drafts::add_file, drafts::file, profile::set_avatar, profile::remove_avatar, profile::set_cover, profile::remove_cover,
        profile::set_status, profile::clear_status, settings::show, settings::change, openapi
    ),
    components(schemas(schema::Failure, schema::Refusal)),
    modifiers(&Common)
)]
pub struct Document;

/// What all operations have in common.
#[derive(Debug)]
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let failure = ResponseBuilder::new()
            .description("Refused or failed: see `error.code`")
            .content("application/json", Content::new(Some(Ref::from_schema_name("Failure"))))
            .build();
        for item in document.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
            {
                let Some(operation) = operation else { continue };
                operation.responses.responses.insert("default".into(), RefOr::T(failure.clone()));
                operation.security = Some(
                    ["token", "session"]
                        .map(|name| SecurityRequirement::new(name, Vec::<String>::new()))
                        .to_vec(),
                );
            }
        }
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme(
            "token",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
                "tidings-<first 8 hex digits of the user id>",
                "Made by opening a one-time address; changing calls also carry X-Tidings-Token from the page",
            ))),
        );
    }
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "node", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub async fn openapi() -> Answer<utoipa::openapi::OpenApi> {
    Answer(Document::openapi())
}
